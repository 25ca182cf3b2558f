"""A pull request, as its author and the repository's maintainers handle it, and what stands on it.

Each change sends its webhook before the call returns, unless ``deliver=False`` withholds it.
"""

from __future__ import annotations

from dataclasses import replace

from local.github.branches import moved, push, take_head
from local.github.comments import Comment
from local.github.context import Context
from local.github.entries import Changes
from local.github.feedback import CheckRecord, CommentRecord, DeploymentView, StatusRecord
from local.github.merge_queue import MergeGroup
from local.github.payloads.pulls import label
from local.github.state import HostedRepository, PullRecord, now
from local.github.webhooks import Delivery


class Pull:
    """The pull request ``number`` of a repository on the double."""

    def __init__(self, context: Context, hosted: HostedRepository, number: int) -> None:
        self._context = context
        self._hosted = hosted
        self.number = number

    @property
    def record(self) -> PullRecord:
        """The pull request as it is now."""
        return self._hosted.pulls[self.number]

    @property
    def head_sha(self) -> str:
        return self.record.head_sha

    @property
    def head_ref(self) -> str:
        return self.record.head_ref

    @property
    def state(self) -> str:
        return self.record.state

    def push(self, changes: Changes, message: str, *, deliver: bool = True) -> str:
        """One more commit on the branch (``synchronize``); returns its sha."""
        return push(self._context, self._source(), self.head_ref, changes, message, deliver=deliver)

    def force_push(self, changes: Changes, message: str, *, deliver: bool = True) -> str:
        """The branch begun anew from where it left the base, with one commit; returns its sha."""
        start = self._hosted.git.merge_base(self.record.base_sha, self.head_sha)
        return push(self._context, self._source(), self.head_ref, changes, message, start_from=start, deliver=deliver)

    def close(self, *, deliver: bool = True, merged: bool = False) -> Delivery:
        """Closes it; with ``merged`` after a merge commit on the base branch (raises GitError on a conflict)."""
        pull = replace(self.record, state="closed", closed_at=now())
        if merged:
            pull = replace(pull, merged_at=now(), merge_commit_sha=self._merge(deliver=deliver))
        return self._change(pull, "closed", deliver=deliver)

    def reopen(self, *, deliver: bool = True) -> Delivery:
        """Reopens it; raises ValueError where GitHub refuses: merged, or the branch deleted or made anew."""
        source, pull = self._source(), self.record
        tip = source.git.find_branch(pull.head_ref)
        if pull.merged_at or tip is None or not source.git.is_ancestor(pull.head_sha, tip):
            raise ValueError(f"pull request {pull.number} cannot be reopened: merged, or its branch is another one")
        take_head(self._hosted, source, pull.head_ref, pull.number)
        earlier = (*pull.earlier_heads, pull.head_sha)
        opened = replace(pull, state="open", closed_at=None, head_sha=tip, earlier_heads=earlier)
        return self._change(opened, "reopened", deliver=deliver)

    def ready_for_review(self, *, deliver: bool = True) -> Delivery:
        return self._change(replace(self.record, draft=False), "ready_for_review", deliver=deliver)

    def convert_to_draft(self, *, deliver: bool = True) -> Delivery:
        return self._change(replace(self.record, draft=True), "converted_to_draft", deliver=deliver)

    def label(self, name: str, *, deliver: bool = True) -> Delivery:
        labels = (*self._labels_but(name), name)
        return self._change(replace(self.record, labels=labels), "labeled", deliver=deliver, label=self._shown(name))

    def unlabel(self, name: str, *, deliver: bool = True) -> Delivery:
        labels = self._labels_but(name)
        return self._change(replace(self.record, labels=labels), "unlabeled", deliver=deliver, label=self._shown(name))

    def retarget(self, base: str, *, deliver: bool = True) -> Delivery:
        """Onto another base branch (``edited``)."""
        before = self.record
        base_sha = self._hosted.git.branch_sha(base)
        changes = {"base": {"ref": {"from": before.base_ref}, "sha": {"from": before.base_sha}}}
        moved_pull = replace(before, base_ref=base, base_sha=base_sha)
        return self._change(moved_pull, "edited", deliver=deliver, changes=changes)

    def rename(self, title: str, *, deliver: bool = True) -> Delivery:
        """Another title (``edited``, too)."""
        changes = {"title": {"from": self.record.title}}
        return self._change(replace(self.record, title=title), "edited", deliver=deliver, changes=changes)

    def comment(self, author: str, body: str, *, deliver: bool = True) -> Comment:
        """A comment by a person, whatever role that person has."""
        return Comment.write(self._context, self._hosted, self.number, author, body, deliver=deliver)

    def enqueue(self, *, behind: MergeGroup | None = None, deliver: bool = True) -> MergeGroup:
        """Into the merge queue, at its head or behind another group; the queue asks for checks (``merge_group``)."""
        return MergeGroup.form(self._context, self._hosted, self.number, behind, deliver=deliver)

    @property
    def comments(self) -> list[CommentRecord]:
        """Everybody's, oldest first."""
        return self._hosted.feedback.comments_on(self.number)

    def checks(self, sha: str | None = None) -> dict[str, CheckRecord]:
        """The newest check run of each name, of the head or of another commit."""
        return {one.name: one for one in self._hosted.feedback.checks_of(sha or self.head_sha)}

    def statuses(self, sha: str | None = None) -> dict[str, StatusRecord]:
        """The newest commit status of each context, of the head or of another commit."""
        return {one.context: one for one in self._hosted.feedback.latest_statuses(sha or self.head_sha)}

    @property
    def deployments(self) -> list[DeploymentView]:
        """Of every commit that was the head at any time, oldest first."""
        feedback, heads = self._hosted.feedback, {self.head_sha, *self.record.earlier_heads}
        return [feedback.view_of(one) for one in list(feedback.deployments.values()) if one.sha in heads]

    def _merge(self, *, deliver: bool) -> str:
        """Puts a merge commit on the base branch (``push``)."""
        git, pull = self._hosted.git, self.record
        message = f"Merge pull request #{pull.number} from {pull.head_owner}/{pull.head_ref}\n\n{pull.title}"
        before = git.branch_sha(pull.base_ref)
        sha = git.merge(before, pull.head_sha, message)
        git.set_ref(f"refs/heads/{pull.base_ref}", sha)
        moved(self._context, self._hosted, pull.base_ref, before, deliver=deliver)
        return sha

    def _change(self, pull: PullRecord, action: str, *, deliver: bool, **details: object) -> Delivery:
        changed = self._hosted.update(pull)
        return self._context.announce(self._hosted, changed, action, deliver=deliver, **details)

    def _source(self) -> HostedRepository:
        """Where the branch is; raises ValueError when that fork is gone."""
        source = self._context.state.repositories.get(self.record.head_repository_id)
        if source is None:
            raise ValueError(f"the repository that pull request {self.number} came from is gone")
        return source

    def _labels_but(self, name: str) -> tuple[str, ...]:
        return tuple(one for one in self.record.labels if one != name)

    def _shown(self, name: str) -> dict[str, object]:
        return label(self._context.site.urls, self._hosted, name)
