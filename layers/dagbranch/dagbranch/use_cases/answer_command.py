"""A comment that begins with ``/dagbranch`` → what it asks for on the bus, and an answer to whoever wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.command_replies import NO_RIGHT, Reply, reply_to
from dagbranch.domain.commands import Command, UnknownCommand, command_in
from dagbranch.domain.environments import Environment, PullRequest
from dagbranch.domain.reports import Answer
from dagbranch.domain.requests import CommentEvent, EventKind, answer_data, command_detail, wish_data
from dagbranch.errors import InvalidEventError
from dagbranch.ports import EventBus, GitHub, Registry, Telemetry
from dagbranch.use_cases.check_installation import check_installation

_OUR_OWN: Final = "<!-- dagbranch"
_OBEYED_FOR: Final = timedelta(days=6)  # for a week, the door knows a delivery that comes again


@dataclass(frozen=True)
class Answerer:
    """What it takes to answer: the lane and its repositories, and all that is reached."""

    lane: str
    allowed_repositories: frozenset[str]  # lower case
    github: GitHub
    registry: Registry
    bus: EventBus
    telemetry: Telemetry
    now: datetime


def answer_command(event: CommentEvent, *, by: Answerer) -> None:
    """Does nothing itself: the others look at the truth when they come to what is put on the bus.

    Whose word counts, GitHub is asked at this moment. Raises InvalidEventError for a comment whose repository is
    another one at GitHub.
    """
    by.telemetry.about(repository=event.repository, pull_number=event.pull_number)
    command = None if event.is_bot or _OUR_OWN in event.text else command_in(event.text)
    if command is None:
        return
    if by.now - event.at > _OBEYED_FOR:
        by.telemetry.info("the comment is too old to be obeyed", at=event.at.isoformat())
        return
    if event.repository.lower() not in by.allowed_repositories:
        by.telemetry.info("the repository is not on this stack's list: nobody is answered")
        return
    check_installation(event.installation_id, event.repository, by.github)
    pull = by.github.pull_request(event.repository, event.pull_number)
    if pull is None:
        by.telemetry.info("there is no such pull request")
        return
    if pull.repository_id != event.repository_id:
        raise InvalidEventError(f"{event.repository} is the repository {pull.repository_id}, not {event.repository_id}")
    _answer(event, command, pull, by)


def _answer(event: CommentEvent, command: Command | UnknownCommand, pull: PullRequest, by: Answerer) -> None:
    existing = by.registry.get(event.repository_id, event.pull_number)
    may_write = by.github.may_write(pull.repository, event.author)
    reply = reply_to(command, event, pull, existing) if may_write else NO_RIGHT
    _publish(event, command, reply, pull, existing, by)
    by.telemetry.info("answered a command", command=str(command), author=event.author, answer=reply.text)
    by.telemetry.count("CommandAnswered" if may_write else "CommandRefused")


def _publish(
    event: CommentEvent,
    command: Command | UnknownCommand,
    reply: Reply,
    pull: PullRequest,
    existing: Environment | None,
    by: Answerer,
) -> None:
    """In one request: an answer without its work, or work without its answer, would be told by nobody."""
    answer = Answer(event.comment_id, event.author, str(command), reply.text, reply.reaction, event.at)
    told: list[tuple[EventKind, dict[str, object]]] = [(EventKind.REPORT_REQUESTED, {"answer": answer_data(answer)})]
    if reply.asks_for is not None:
        told.insert(0, (reply.asks_for, {"wish": wish_data(reply.wish)} if reply.wish else {}))
    by.bus.publish_all((kind, command_detail(pull, existing, by.lane, by.now, data)) for kind, data in told)
