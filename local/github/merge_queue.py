"""A merge queue: what it makes of a pull request, asks to be tested, and merges or throws away."""

from __future__ import annotations

from dataclasses import replace

from local.github.branches import moved
from local.github.context import Context
from local.github.feedback import CheckRecord
from local.github.payloads.events import merge_group_event
from local.github.state import HostedRepository, MergeGroupRecord, now
from local.github.webhooks import Delivery


class MergeGroup:
    """One pull request in the queue, on a commit with all that is before it; ``delivery`` asked for its checks."""

    def __init__(self, context: Context, hosted: HostedRepository, record: MergeGroupRecord) -> None:
        self._context = context
        self._hosted = hosted
        self.record = record
        self.delivery: Delivery | None = None

    @classmethod
    def form(
        cls, context: Context, hosted: HostedRepository, number: int, behind: MergeGroup | None, *, deliver: bool
    ) -> MergeGroup:
        """Merges the pull request on its base, or on the group before it (raises GitError on a conflict)."""
        pull, git = hosted.pulls[number], hosted.git
        base_sha = behind.head_sha if behind else git.branch_sha(pull.base_ref)
        head_ref = f"refs/heads/gh-readonly-queue/{pull.base_ref}/pr-{number}-{base_sha}"
        message = f"Merge pull request #{number} from {pull.head_owner}/{pull.head_ref}\n\n{pull.title}"
        head_sha = git.merge(base_sha, pull.head_sha, message)
        git.set_ref(head_ref, head_sha)
        group = cls(context, hosted, MergeGroupRecord(number, pull.base_ref, base_sha, head_ref, head_sha))
        group.delivery = group._announce("checks_requested", deliver=deliver)
        return group

    @property
    def head_sha(self) -> str:
        return self.record.head_sha

    @property
    def checks(self) -> dict[str, CheckRecord]:
        """The newest check run of each name."""
        return {one.name: one for one in self._hosted.feedback.checks_of(self.head_sha)}

    def merge(self, *, deliver: bool = True) -> Delivery:
        """The base branch goes on to the group's commit, and its pull request is merged."""
        git, record = self._hosted.git, self.record
        before = git.branch_sha(record.base_ref)
        git.set_ref(f"refs/heads/{record.base_ref}", record.head_sha)
        merged = replace(self._hosted.pulls[record.pull_number], state="closed", closed_at=now(), merged_at=now())
        changed = self._hosted.update(replace(merged, merge_commit_sha=record.head_sha))
        self._context.announce(self._hosted, changed, "closed", deliver=deliver)
        moved(self._context, self._hosted, record.base_ref, before, deliver=deliver)
        return self.destroy("merged", deliver=deliver)

    def destroy(self, reason: str = "dequeued", *, deliver: bool = True) -> Delivery:
        """``reason``: ``merged``, ``invalidated`` or ``dequeued``."""
        delivery = self._announce("destroyed", deliver=deliver, reason=reason)
        self._hosted.git.delete_branch(self.record.head_ref.removeprefix("refs/heads/"))
        return delivery

    def _announce(self, action: str, *, deliver: bool, **details: object) -> Delivery:
        site = self._context.site
        payload = merge_group_event(site.urls, site.state, self._hosted, self.record, action, **details)
        return self._context.webhook.deliver("merge_group", payload, withhold=not deliver)
