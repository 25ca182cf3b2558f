from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import RELEASE, SourceArchiveKey, release_name_candidates
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.policy import Policy
from dagbranch.domain.release_wishes import Hold
from dagbranch.domain.requests import PushEvent
from dagbranch.domain.source_archive import Limits, read_source_archive
from dagbranch.errors import InvalidEventError, TransientUpstreamError
from tests.fakes.buckets import stored
from tests.fakes.examples import DATA_FILE, FILES, FILES_WITH_DATA, FIRST, NOW, REPOSITORY, REPOSITORY_ID, SECOND
from tests.fakes.github import Commit
from tests.fakes.world import World

UPLOADED = {**FILES, "dagbranch.yaml": b"version: 1\narchive: uploaded\n"}


@pytest.fixture
def world() -> World:
    return World("stage")


def a_push(**different: Any) -> PushEvent:
    return replace(PushEvent(REPOSITORY_ID, REPOSITORY, "main", "delivery-1"), **different)


def merge(world: World, head_sha: str, files: dict[str, bytes]) -> None:
    """A commit that is the default branch's newest one, as GitHub tells it from now on."""
    world.github.commits[head_sha] = Commit(files)
    world.releases.push(head_sha)


def record(world: World) -> Environment:
    found = world.registry.get(REPOSITORY_ID, RELEASE)
    assert found is not None
    return found


def note(world: World, **different: Any) -> None:
    world.registry.update(record(world), lambda newest: replace(newest, **different), event="")


def test_a_push_to_the_default_branch_gets_the_repositorys_one_environment_and_its_archive(world: World) -> None:
    merge(world, FIRST, {**FILES, "README.md": b"not packaged"})

    world.fetch_release(a_push())

    environment = record(world)
    assert (environment.name, environment.lane, environment.status) == ("stage_pipelines", "stage", Status.REQUESTED)
    assert (environment.head_sha, environment.branch, environment.generation) == (FIRST, "main", 1)
    ((key, archive),) = world.sources.objects.items()
    assert key == f"sources/{REPOSITORY}/release/{FIRST}/{environment.asked_digest}.zip"
    assert SourceArchiveKey.parse(key).pull_number == RELEASE
    assert read_source_archive(archive.content, Limits()) == FILES
    assert archive.marker == marker_of(environment)


def test_the_archive_of_a_merged_commit_has_the_digest_that_its_pull_request_had(world: World) -> None:
    merge(world, FIRST, FILES)
    world.fetch_release(a_push())
    preview = World()
    preview.deploy(FILES)

    assert preview.environment.source_digest == record(world).asked_digest


def test_what_the_commit_demands_of_its_data_is_on_record(world: World) -> None:
    file = DATA_FILE + b"lanes: {stage: {source_suffix: _test, table_suffix: _stage}}\n"
    merge(world, FIRST, {**FILES_WITH_DATA, "dagbranch.yaml": file})

    world.fetch_release(a_push())

    assert (guard := record(world).guard) is not None
    assert (guard.suffix, set(guard.masks)) == ("_test", {"db_attribution"})


def test_github_says_which_commit_is_the_newest_whatever_was_pushed(world: World) -> None:
    merge(world, FIRST, FILES)
    merge(world, SECOND, FILES)

    world.fetch_release(a_push())

    assert record(world).head_sha == SECOND


@pytest.mark.parametrize("push", [a_push(branch="feature1"), a_push(repository="acme/other")])
def test_a_push_elsewhere_asks_for_nothing(world: World, push: PushEvent) -> None:
    merge(world, FIRST, FILES)

    world.fetch_release(push)

    assert world.registry.get(REPOSITORY_ID, RELEASE) is None
    assert not world.sources.objects


def test_an_event_of_another_repository_of_that_name_is_no_event(world: World) -> None:
    merge(world, FIRST, FILES)

    with pytest.raises(InvalidEventError):
        world.fetch_release(a_push(repository_id=5))


@pytest.mark.parametrize("status", [Status.READY, Status.DEPLOYING, Status.REQUESTED])
def test_a_commit_that_stands_or_is_under_way_is_not_fetched_again(world: World, status: Status) -> None:
    merge(world, FIRST, FILES)
    world.fetch_release(a_push())
    note(world, status=status)
    world.sources.objects.clear()

    world.fetch_release(a_push(delivery="delivery-2"))

    assert (record(world).generation, record(world).status) == (1, status)
    assert not world.sources.objects


def test_the_same_push_again_takes_up_what_its_worker_left_behind(world: World) -> None:
    merge(world, FIRST, FILES)
    world.fetch_release(a_push())
    world.sources.objects.clear()

    world.fetch_release(a_push())

    assert record(world).generation == 1
    assert len(world.sources.objects) == 1


def test_a_request_that_nobody_is_at_any_more_is_taken_up_by_any_push(world: World) -> None:
    merge(world, FIRST, FILES)
    world.fetch_release(a_push())
    world.sources.objects.clear()
    world.clock.forward(timedelta(minutes=15).total_seconds())

    world.fetch_release(a_push(delivery="delivery-2"))

    assert record(world).generation == 1
    assert len(world.sources.objects) == 1


def test_a_commit_that_failed_is_tried_again(world: World) -> None:
    merge(world, FIRST, FILES)
    world.fetch_release(a_push())
    note(world, status=Status.FAILED, message="broken")

    world.fetch_release(a_push(delivery="delivery-2"))

    assert (record(world).generation, record(world).status, record(world).message) == (2, Status.REQUESTED, "")


def test_what_is_held_is_not_replaced_by_a_push(world: World) -> None:
    merge(world, FIRST, FILES)
    world.fetch_release(a_push())
    note(world, status=Status.READY, held=Hold("ada", NOW, "month's end"))
    merge(world, SECOND, FILES)

    world.fetch_release(a_push(delivery="delivery-2"))

    assert (record(world).head_sha, record(world).status) == (FIRST, Status.READY)


def test_a_paused_stack_takes_nothing_in(world: World) -> None:
    world.policy = Policy(is_paused=True)
    merge(world, FIRST, FILES)

    world.fetch_release(a_push())

    assert world.registry.get(REPOSITORY_ID, RELEASE) is None


def test_a_commit_that_cannot_be_packaged_is_told_as_failed(world: World) -> None:
    merge(world, FIRST, {**FILES, "dagbranch.yaml": b"version: 1\nunknown: 1\n"})

    world.fetch_release(a_push())

    assert record(world).status == Status.FAILED
    assert "unknown" in record(world).message
    assert "Failed" in world.bus.kinds


def test_files_of_that_name_that_are_not_ours_leave_the_second_name(world: World) -> None:
    world.dags.objects["stage_pipelines.zip"] = stored(b"", {})
    merge(world, FIRST, FILES)

    world.fetch_release(a_push())

    assert record(world).claimed_name.startswith("stage_pipelines_")


def test_where_no_name_is_free_the_registry_says_why(world: World) -> None:
    for name in release_name_candidates("stage", REPOSITORY, RELEASE):
        world.dags.objects[f"{name}.zip"] = stored(b"", {})
    merge(world, FIRST, FILES)

    world.fetch_release(a_push())

    assert (record(world).status, record(world).name) == (Status.REFUSED, None)
    assert "stage_pipelines and stage_pipelines_" in record(world).message
    assert not world.sources.objects


def test_a_fault_that_passes_is_left_to_the_queue(world: World) -> None:
    world.releases.down = True

    with pytest.raises(TransientUpstreamError):
        world.fetch_release(a_push())


# Archives that a workflow uploads


def test_where_a_workflow_uploads_the_archive_none_is_made(world: World) -> None:
    merge(world, FIRST, UPLOADED)

    world.fetch_release(a_push())

    assert (record(world).status, record(world).asked_digest) == (Status.REQUESTED, None)
    assert record(world).takes_uploads
    assert not world.sources.objects


def test_the_next_commit_says_anew_whether_a_workflow_uploads_it(world: World) -> None:
    merge(world, FIRST, UPLOADED)
    world.fetch_release(a_push())
    merge(world, SECOND, FILES)

    world.fetch_release(a_push(delivery="delivery-2"))

    assert not record(world).takes_uploads
    assert record(world).asked_digest is not None
