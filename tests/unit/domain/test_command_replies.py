from __future__ import annotations

from typing import Any

import pytest

from dagbranch.domain.command_replies import Reply, reply_to
from dagbranch.domain.commands import Command, UnknownCommand, command_in
from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.requests import CommentEvent, EventKind, Wish
from tests.fakes.examples import (
    FIRST,
    NOW,
    PULL_NUMBER,
    REPOSITORY,
    REPOSITORY_ID,
    SECOND,
    a_pull_request,
    an_environment,
)

READY = an_environment(status=Status.READY)
GONE = (None, an_environment(status=Status.REMOVED), an_environment(status=Status.REMOVING))


def reply(text: str, existing: Environment | None = READY, pull: PullRequest | None = None) -> Reply:
    comment = f"/dagbranch {text}"
    event = CommentEvent(REPOSITORY_ID, REPOSITORY, PULL_NUMBER, 7, "alice", False, comment, "d", NOW)  # noqa: FBT003 # no bot
    command = command_in(comment)
    assert isinstance(command, Command | UnknownCommand)
    return reply_to(command, event, pull or a_pull_request(), existing)


def a_fork(**different: Any) -> PullRequest:
    return a_pull_request(head_repository_id=99, **different)


# Deploy


@pytest.mark.parametrize("text", ["deploy", "redeploy", f"deploy {FIRST}", f"deploy {FIRST[:7]}"])
def test_a_deploy_asks_for_the_newest_commit(text: str) -> None:
    found = reply(text, an_environment(status=Status.FAILED))

    assert (found.reaction, found.asks_for) == ("eyes", EventKind.ENVIRONMENT_REQUESTED)
    assert found.wish == Wish("alice", is_forced=True, at=NOW)


def test_what_stands_already_is_only_deployed_again_by_that_word() -> None:
    assert (reply("deploy").asks_for, reply("deploy").reaction) == (None, "eyes")
    assert "/dagbranch redeploy" in reply("deploy").text
    assert reply("redeploy").asks_for == EventKind.ENVIRONMENT_REQUESTED
    assert reply("deploy", an_environment(status=Status.READY, unwanted="x")).asks_for is not None


def test_another_commit_than_the_newest_is_not_deployed_and_the_newest_is_named() -> None:
    found = reply(f"deploy {SECOND[:9]}")

    assert (found.reaction, found.asks_for) == ("confused", None)
    assert found.text == f"222222222 is not the newest commit of this pull request: that is {FIRST}"


@pytest.mark.parametrize("text", ["deploy", "redeploy"])
def test_of_a_fork_the_commit_has_to_be_named(text: str) -> None:
    found = reply(text, None, a_fork())

    assert (found.reaction, found.asks_for) == ("confused", None)
    assert found.text.endswith(f"/dagbranch deploy {FIRST}")


def test_of_a_fork_the_beginning_of_a_commit_is_not_enough_because_another_can_be_made_to_begin_like_it() -> None:
    found = reply(f"deploy {FIRST[:39]}", None, a_fork())

    assert found.asks_for is None
    assert f"/dagbranch deploy {FIRST}" in found.text


def test_the_named_commit_of_a_fork_is_approved() -> None:
    found = reply(f"deploy {FIRST}", None, a_fork())

    assert found.wish == Wish("alice", is_forced=True, approved=FIRST, at=NOW)


def test_a_commit_that_was_approved_is_deployed_again_without_its_name() -> None:
    assert reply("redeploy", an_environment(status=Status.READY, approved=FIRST), a_fork()).asks_for is not None
    assert reply("redeploy", an_environment(status=Status.READY, approved=SECOND), a_fork()).asks_for is None


# The others


def test_data_is_made_anew_where_there_is_an_environment() -> None:
    assert reply("reset-data").asks_for == EventKind.DATA_RESET_REQUESTED


@pytest.mark.parametrize("text", ["reset-data", "keep", "schedules on", "remove"])
@pytest.mark.parametrize("existing", GONE)
def test_nothing_is_asked_of_what_is_not_there(text: str, existing: Environment | None) -> None:
    assert (reply(text, existing).asks_for, reply(text, existing).reaction) == (None, "confused")


@pytest.mark.parametrize("status", [Status.READY, Status.FAILED, Status.WAITING, Status.REQUESTED])
def test_a_removal_is_asked_for_with_who_and_when(status: Status) -> None:
    found = reply("remove", an_environment(status=status))

    assert found.asks_for == EventKind.REMOVAL_REQUESTED
    assert found.wish == Wish("alice", removal=True, at=NOW)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("keep", Wish("alice", keep=True, at=NOW)),
        ("schedules on", Wish("alice", schedules=True, at=NOW)),
        ("schedules off", Wish("alice", schedules=False, at=NOW)),
    ],
)
def test_wishes_go_the_way_of_a_request(text: str, wish: Wish) -> None:
    assert (reply(text).asks_for, reply(text).wish) == (EventKind.ENVIRONMENT_REQUESTED, wish)


def test_the_status_asks_for_nothing() -> None:
    assert reply("status") == Reply("feature1: ready at 1111111", "eyes")
    assert reply("status", None).asks_for is None


def test_what_is_no_command_is_answered_with_all_that_are() -> None:
    found = reply("dance")

    assert (found.reaction, found.asks_for) == ("confused", None)
    assert "redeploy, reset-data, remove, keep, status, schedules on|off" in found.text


def test_of_a_closed_pull_request_only_the_status_is_told() -> None:
    closed = a_pull_request(is_open=False)

    assert "closed" in reply("deploy", READY, closed).text
    assert reply("deploy", READY, closed).asks_for is None
    assert reply("status", READY, closed).reaction == "eyes"
