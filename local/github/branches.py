"""Pushes to a branch, their webhooks, and the pull requests that follow it."""

from __future__ import annotations

from dataclasses import replace

from local.github.context import Context
from local.github.entries import Changes
from local.github.payloads.pushes import NO_COMMIT, push_event
from local.github.state import HostedRepository, PullRecord, now

AUTHOR = "dana-developer"  # whoever pushes to a repository of the double, and may


def push(
    context: Context,
    hosted: HostedRepository,
    branch: str,
    changes: Changes,
    message: str,
    *,
    start_from: str | None = None,
    deliver: bool = True,
) -> str:
    """Pushes one commit and returns its sha; the branch's open pull requests follow.

    A new branch starts from the default branch. ``start_from`` (a branch or a sha) starts the branch there, also
    where it exists already: that is a force push.
    """
    git, before = hosted.git, hosted.git.find_branch(branch)
    parent = before or git.find_branch(hosted.record.default_branch)
    if start_from is not None:
        parent = git.resolve(start_from)
        if parent is None:
            raise ValueError(f"no commit {start_from} in {hosted.record.full_name} to start from")
    sha = git.commit(branch, changes, message, parent)
    moved(context, hosted, branch, before, deliver=deliver)
    return sha


def moved(context: Context, hosted: HostedRepository, branch: str, before: str | None, *, deliver: bool) -> None:
    """Tells the webhook, and the branch's open pull requests, that it has another commit now."""
    hosted.record = replace(hosted.record, pushed_at=now())
    announce_push(context, hosted, branch, before, deliver=deliver)
    for base, pull in list(context.state.pulls_from(hosted.record.id, branch)):
        _follow(context, base, hosted, pull, deliver=deliver)


def announce_push(
    context: Context, hosted: HostedRepository, branch: str, before: str | None, *, deliver: bool
) -> None:
    """``push``; ``before`` is None where the branch is new. A fork's pushes are not for this webhook."""
    if hosted.record.parent_id is not None:
        return
    after = hosted.git.find_branch(branch) or NO_COMMIT
    site = context.site
    payload = push_event(site.urls, site.state, hosted, branch, before or NO_COMMIT, after, AUTHOR)
    context.webhook.deliver("push", payload, withhold=not deliver)


def take_head(hosted: HostedRepository, source: HostedRepository, branch: str, number: int) -> None:
    """Keeps the branch's commit in the base repository, as GitHub does for every pull request, forks' too."""
    kept = f"refs/pull/{number}/head"
    if source is hosted:
        hosted.git.set_ref(kept, source.git.branch_sha(branch))
    else:
        hosted.git.fetch(source.git, branch, into=kept)


def _follow(
    context: Context, hosted: HostedRepository, source: HostedRepository, pull: PullRecord, *, deliver: bool
) -> None:
    """Takes the branch's newest commit, if it has moved; where the base is now is looked at again, too."""
    before, after = pull.head_sha, source.git.branch_sha(pull.head_ref)
    if after == before:
        return
    take_head(hosted, source, pull.head_ref, pull.number)
    base_sha = hosted.git.find_branch(pull.base_ref) or pull.base_sha
    earlier = (*pull.earlier_heads, before)
    changed = hosted.update(replace(pull, head_sha=after, base_sha=base_sha, earlier_heads=earlier))
    context.announce(hosted, changed, "synchronize", deliver=deliver, before=before, after=after)
