"""What a command asks for, and what its author is told, by what is on record when it is read.

Whoever does the work looks again: a reply promises no more than that it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dagbranch.domain.commands import COMMANDS, Command, CommandName, UnknownCommand
from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.reports import Reaction
from dagbranch.domain.requests import CommentEvent, EventKind, Wish


@dataclass(frozen=True)
class Reply:
    """Plain text, for whoever shows it to escape. ``asks_for``: the event that is to follow, if any."""

    text: str
    reaction: Reaction = "confused"
    asks_for: EventKind | None = None
    wish: Wish | None = None


NO_RIGHT: Final = Reply("only people with write access to the repository can ask for this", "-1")
_NO_ENVIRONMENT: Final = Reply("there is no environment: /dagbranch deploy asks for one")


def reply_to(
    command: Command | UnknownCommand, event: CommentEvent, pull: PullRequest, existing: Environment | None
) -> Reply:
    """To somebody with write access."""
    if isinstance(command, UnknownCommand):
        return Reply(f"no such command: there are {', '.join(map(_in_words, COMMANDS))}")
    if not pull.is_open and command.name != "status":
        return Reply("the pull request is closed: its environment is removed, and a reopened one gets another")
    return _REPLIES[command.name](command, event, pull, existing)


def _deploy(command: Command, event: CommentEvent, pull: PullRequest, existing: Environment | None) -> Reply:
    if command.argument and not pull.head_sha.startswith(command.argument):
        return Reply(f"{command.argument} is not the newest commit of this pull request: that is {pull.head_sha}")
    # A commit that begins like another is made in seconds: a stranger's is approved by its whole name alone.
    if pull.is_from_a_fork and command.argument != pull.head_sha and not _is_approved(existing, pull):
        return Reply(
            "the pull request comes from another repository: when its code was looked at, write "
            f"/dagbranch deploy {pull.head_sha}"
        )
    if command.name == "deploy" and _stands(existing, pull):
        return Reply(f"{pull.head_sha[:7]} stands already: /dagbranch redeploy deploys it once more", "eyes")
    approved = pull.head_sha if pull.is_from_a_fork else None
    wish = Wish(event.author, is_forced=True, approved=approved, at=event.at)
    return Reply(f"the deploy of {pull.head_sha[:7]} is asked for", "eyes", EventKind.ENVIRONMENT_REQUESTED, wish)


def _reset_data(_: Command, _event: CommentEvent, _pull: PullRequest, existing: Environment | None) -> Reply:
    if existing is None or not existing.is_live or existing.status == Status.REMOVING:
        return _NO_ENVIRONMENT
    return Reply("its data is to be made anew", "eyes", EventKind.DATA_RESET_REQUESTED)


def _remove(_: Command, event: CommentEvent, pull: PullRequest, existing: Environment | None) -> Reply:
    if existing is None or not _is_there(existing):
        return Reply("there is nothing to remove")
    wish = Wish(event.author, removal=True, at=event.at)
    told = f"its removal is asked for: a newer commit than {pull.head_sha[:7]}, or /dagbranch deploy, has it made anew"
    return Reply(told, "eyes", EventKind.REMOVAL_REQUESTED, wish)


def _keep(_: Command, event: CommentEvent, _pull: PullRequest, existing: Environment | None) -> Reply:
    if existing is None or not _is_there(existing):
        return _NO_ENVIRONMENT
    wish = Wish(event.author, keep=True, at=event.at)
    return Reply(
        "it is kept until its pull request is closed, however long that takes",
        "eyes",
        EventKind.ENVIRONMENT_REQUESTED,
        wish,
    )


def _schedules(command: Command, event: CommentEvent, _: PullRequest, existing: Environment | None) -> Reply:
    if existing is None or not _is_there(existing):
        return _NO_ENVIRONMENT
    wish = Wish(event.author, schedules=command.argument == "on", at=event.at)
    told = f"its DAGs are to run {'on their schedules' if wish.schedules else 'only when they are triggered'}"
    return Reply(told, "eyes", EventKind.ENVIRONMENT_REQUESTED, wish)


def _status(_: Command, _event: CommentEvent, _pull: PullRequest, existing: Environment | None) -> Reply:
    if existing is None:
        return Reply("nothing is known of this pull request yet", "eyes")
    return Reply(f"{existing.name or 'no environment'}: {existing.status} at {existing.head_sha[:7]}", "eyes")


_REPLIES: Final[Mapping[CommandName, Callable[[Command, CommentEvent, PullRequest, Environment | None], Reply]]] = {
    "deploy": _deploy,
    "redeploy": _deploy,
    "reset-data": _reset_data,
    "remove": _remove,
    "keep": _keep,
    "status": _status,
    "schedules": _schedules,
}


def _in_words(name: CommandName) -> str:
    return {"deploy": "deploy (and, of a fork, the commit)", "schedules": "schedules on|off"}.get(name, name)


def _is_there(existing: Environment) -> bool:
    """Or waits for its turn; what is being removed is as good as gone."""
    return existing.status == Status.WAITING or (existing.is_live and existing.status != Status.REMOVING)


def _is_approved(existing: Environment | None, pull: PullRequest) -> bool:
    return existing is not None and existing.approved == pull.head_sha


def _stands(existing: Environment | None, pull: PullRequest) -> bool:
    return (
        existing is not None
        and existing.status == Status.READY
        and existing.head_sha == pull.head_sha
        and not existing.unwanted
    )
