from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.environments import Environment, Status
from dagbranch.errors import InvalidEventError, TransientUpstreamError
from tests.fakes.examples import FILES, FIRST, NOW, PULL_NUMBER, REPOSITORY, REPOSITORY_ID, SECOND, a_pull_request
from tests.fakes.world import World, event_about


@pytest.fixture
def ready(world: World) -> World:
    """A pull request whose environment is ready; alice may write, mallory may not."""
    world.deploy(FILES)
    make_ready(world)
    world.clock.forward(60)
    return world


@pytest.fixture(autouse=True)
def people(world: World) -> None:
    world.github.permissions = {"alice": "write", "mallory": "read"}


def make_ready(world: World) -> None:
    world.registry.update(world.environment, lambda newest: replace(newest, status=Status.READY), event="")
    world.bus.published.clear()


def answer(world: World) -> dict[str, Any]:
    """What is to be told of the one command."""
    (told,) = [detail for kind, detail in world.bus.published if "answer" in detail["data"]]
    found: dict[str, Any] = told["data"]["answer"]
    return found


def test_a_comment_that_is_older_than_a_delivery_is_remembered_asks_for_nothing(ready: World) -> None:
    ready.comment("/dagbranch redeploy", at=ready.clock() - timedelta(days=6, seconds=1))

    assert ready.bus.published == []


def a_fork(world: World, **different: Any) -> None:
    world.github.open(a_pull_request(head_repository_id=99, **different), FILES)


# Who is listened to


def test_somebody_with_write_access_is_answered_and_the_work_is_asked_for(ready: World) -> None:
    ready.comment("/dagbranch redeploy")

    assert answer(ready) == {
        "comment_id": 7,
        "author": "alice",
        "command": "redeploy",
        "text": "the deploy of 1111111 is asked for",
        "reaction": "eyes",
        "at": ready.clock().isoformat(),
    }
    assert (ready.environment.status, ready.environment.generation) == (Status.REQUESTED, 2)


@pytest.mark.parametrize("author", ["mallory", "nobody"])
@pytest.mark.parametrize(
    "command", ["deploy", "redeploy", "remove", "keep", "reset-data", "schedules on", "status", "?"]
)
def test_without_write_access_nothing_happens_and_the_author_is_told_so(
    ready: World, author: str, command: str
) -> None:
    before = ready.environment

    ready.comment(f"/dagbranch {command}", author)

    assert (answer(ready)["reaction"], "write access" in answer(ready)["text"]) == ("-1", True)
    assert ready.bus.kinds == ["Report Requested"]
    assert ready.environment == before


@pytest.mark.parametrize(
    ("text", "different"),
    [
        ("nice work", {}),
        ("please /dagbranch deploy", {}),
        ("/dagbranch deploy", {"is_bot": True}),
        ("/dagbranch deploy\n<!-- dagbranch:preview -->", {}),
        ("/dagbranch deploy", {"repository": "acme/other"}),
        ("/dagbranch deploy", {"pull_number": 99}),
    ],
    ids=["no command", "not at its beginning", "a bot", "our own comment", "not on the list", "no such pull request"],
)
def test_other_comments_are_not_answered(ready: World, text: str, different: dict[str, Any]) -> None:
    ready.comment(text, **different)

    assert not ready.bus.published


def test_a_comment_that_names_another_repository_than_its_installation_is_refused(ready: World) -> None:
    ready.github.installations = {REPOSITORY: 5}

    with pytest.raises(InvalidEventError, match="installation 6"):
        ready.comment("/dagbranch remove", installation_id=6)
    with pytest.raises(InvalidEventError, match="not 4712"):
        ready.comment("/dagbranch remove", repository_id=4712, installation_id=5)

    assert not ready.bus.published


def test_while_github_cannot_tell_whose_word_counts_the_comment_waits(ready: World) -> None:
    ready.github.down = True

    with pytest.raises(TransientUpstreamError):
        ready.comment("/dagbranch remove")


# What becomes of it


def test_an_unknown_command_is_answered_with_help(ready: World) -> None:
    ready.comment("/dagbranch dance")

    assert (answer(ready)["reaction"], answer(ready)["command"]) == ("confused", "dance")
    assert "there are deploy" in answer(ready)["text"]


def test_a_fork_is_deployed_at_the_very_commit_that_was_approved_and_at_no_other(world: World) -> None:
    a_fork(world)
    world.fetch()
    refused = world.environment
    world.comment("/dagbranch deploy")
    assert f"/dagbranch deploy {FIRST}" in answer(world)["text"]
    assert world.environment == refused
    world.bus.published.clear()

    world.comment(f"/dagbranch deploy {FIRST}")

    assert (refused.status, refused.awaits_approval) == (Status.REFUSED, True)
    assert (world.environment.status, world.environment.approved) == (Status.REQUESTED, FIRST)
    assert world.sources.objects


def test_the_next_push_of_a_fork_needs_a_new_approval_and_what_stands_is_removed(world: World) -> None:
    a_fork(world)
    world.comment(f"/dagbranch deploy {FIRST}")
    world.sources.objects.clear()
    a_fork(world, head_sha=SECOND)
    world.bus.published.clear()

    world.fetch(event_about(head_sha=SECOND))
    world.follow(world.bus.published)
    world.follow(world.bus.published[-1:])

    assert (world.environment.status, world.environment.head_sha) == (Status.REFUSED, SECOND)
    assert f"/dagbranch deploy {SECOND}" in world.environment.message
    assert not world.sources.objects


def test_an_approval_of_a_commit_that_is_the_newest_no_more_deploys_nothing(world: World) -> None:
    a_fork(world)
    world.comment(f"/dagbranch deploy {FIRST}", author="mallory")
    published = list(world.bus.published)
    a_fork(world, head_sha=SECOND)

    world.comment(f"/dagbranch deploy {FIRST}")

    assert [kind for kind, _ in published] == ["Report Requested"]
    assert SECOND in world.bus.published[-1][1]["data"]["answer"]["text"]
    assert world.registry.get(REPOSITORY_ID, PULL_NUMBER) is None


def test_what_was_removed_on_request_stays_so_until_a_newer_commit_or_a_deploy(ready: World) -> None:
    ready.comment("/dagbranch remove")
    ready.fetch()
    gone = ready.environment

    ready.comment("/dagbranch deploy")

    assert (gone.status, gone.dismissed, gone.message) == (Status.REMOVED, FIRST, "alice asked for its removal")
    assert (ready.environment.status, ready.environment.unwanted) == (Status.REQUESTED, "")


def test_a_removal_that_comes_after_a_later_deploy_does_not_remove_that(ready: World) -> None:
    ready.comment("/dagbranch remove")
    (removal,) = [one for one in ready.bus.published if one[0] == "Removal Requested"]
    ready.clock.forward(60)
    ready.comment("/dagbranch deploy")

    ready.follow([removal])

    assert ready.environment.status == Status.REQUESTED


def test_what_is_kept_is_so_on_record_and_stands_as_it_was(ready: World) -> None:
    before = ready.environment

    ready.comment("/dagbranch keep")

    assert replace(ready.environment, revision=before.revision) == replace(before, is_kept=True)


def test_schedules_are_asked_for_once(ready: World) -> None:
    ready.comment("/dagbranch schedules on")
    asked: Environment = ready.environment
    make_ready(ready)

    ready.comment("/dagbranch schedules on")

    assert (asked.status, asked.schedules, asked.generation) == (Status.REQUESTED, True, 2)
    assert (ready.environment.status, ready.environment.generation) == (Status.READY, 2)


def test_a_reset_of_the_data_goes_to_who_makes_it(ready: World) -> None:
    ready.comment("/dagbranch reset-data")

    (detail,) = [detail for kind, detail in ready.bus.published if kind == "Data Reset Requested"]
    assert (detail["lane"], detail["repository"], detail["pull_number"]) == ("preview", REPOSITORY, PULL_NUMBER)
    assert detail["data"] == {"repository_id": REPOSITORY_ID}


def test_the_same_comment_twice_is_answered_twice_and_asks_for_the_same(ready: World) -> None:
    ready.comment("/dagbranch keep")
    ready.comment("/dagbranch keep")

    assert ready.environment.is_kept
    assert ready.environment.requested_at == NOW
