"""A pull request, as its author and the repository's maintainers handle it.

Each change sends its webhook before the call returns, unless ``deliver=False`` withholds it.
"""

from __future__ import annotations

from dataclasses import replace

from local.github.branches import moved, push, take_head
from local.github.context import Context
from local.github.entries import Changes
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
            pull = replace(pull, merged_at=now(), merge_commit_sha=self._merge())
        delivery = self._change(pull, "closed", deliver=deliver)
        if merged:
            moved(self._context, self._hosted, pull.base_ref, deliver=deliver)
        return delivery

    def reopen(self, *, deliver: bool = True) -> Delivery:
        """Reopens it; raises ValueError where GitHub refuses: merged, or the branch deleted or made anew."""
        source, pull = self._source(), self.record
        tip = source.git.find_branch(pull.head_ref)
        if pull.merged_at or tip is None or not source.git.is_ancestor(pull.head_sha, tip):
            raise ValueError(f"pull request {pull.number} cannot be reopened: merged, or its branch is another one")
        take_head(self._hosted, source, pull.head_ref, pull.number)
        opened = replace(pull, state="open", closed_at=None, head_sha=tip)
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

    def _merge(self) -> str:
        """Puts a merge commit on the base branch."""
        git, pull = self._hosted.git, self.record
        message = f"Merge pull request #{pull.number} from {pull.head_owner}/{pull.head_ref}\n\n{pull.title}"
        sha = git.merge(git.branch_sha(pull.base_ref), pull.head_sha, message)
        git.set_ref(f"refs/heads/{pull.base_ref}", sha)
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
