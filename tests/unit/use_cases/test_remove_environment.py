from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.artifacts import Artifact
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.leases import with_lease
from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.policy import Policy
from dagbranch.domain.requests import ArchiveUploaded, PullRequestEvent, Wish
from dagbranch.errors import InvalidEventError, NotOursError, NotYetError, SupersededError, TransientUpstreamError
from tests.fakes.buckets import stored
from tests.fakes.examples import (
    FILES,
    FILES_WITH_DATA,
    FIRST,
    NOW,
    PULL_NUMBER,
    REPOSITORY,
    REPOSITORY_ID,
    SECOND,
    a_pull_request,
    an_environment,
    nothing,
)
from tests.fakes.registry import InMemoryRegistry
from tests.fakes.release_examples import a_release_record
from tests.fakes.warehouse import Schema, Table
from tests.fakes.world import World, event_about

OURS = "db_attribution_feature1"
TIMES = ("began_at", "zip_removed_at", "let_go_at", "dags_deleted_at", "removed_at")


@pytest.fixture
def ready(world: World) -> World:
    """``feature1`` is ready, ``feature2`` of another pull request beside it."""
    world.deploy(FILES_WITH_DATA)
    world.airflow.defines = {"feature1": ("test_dag", "test_dag_2"), "feature2": ("test_dag",)}
    world.dags.put_zip("feature2", b"zip", {"dagbranch-head-sha": SECOND}, replaces=None)
    world.airflow.parse(world.clock())
    world.verify()
    world.bus.published.clear()
    return world


def test_nothing_is_left_of_a_closed_pull_request_but_a_receipt(ready: World) -> None:
    ready.close()

    ready.remove_until_done()

    environment = ready.environment
    assert environment.status == Status.REMOVED
    assert set(ready.dags.objects) == {"feature2.zip"}
    assert set(ready.airflow.rows) == {"qu.feature2.test_dag"}
    assert OURS not in ready.warehouse.stands
    assert not ready.sources.objects
    times = {key: environment.receipt[key] for key in TIMES}
    assert list(times.values()) == sorted(str(at) for at in times.values())
    assert environment.receipt == {
        **times,
        "environment": "feature1",
        "reason": "its pull request is not open",
        "dag_ids": ["qu.feature1.test_dag", "qu.feature1.test_dag_2"],
        "ended_runs": [],
        "schemas": [OURS],
        "schemas_left_alone": [],
        "objects": 6,
        "artifacts": 0,
        "source_archives": 1,
        "left_alone": [],
        "not_seen": [],
    }
    assert (environment.pipeline, environment.data, environment.leases) == (None, None, {})
    assert ready.bus.published[-1][0] == "Removed"
    assert ready.bus.published[-1][1]["data"]["receipt"] == environment.receipt


def test_job_code_is_removed_and_counted_and_what_is_not_ours_is_named(ready: World) -> None:
    ready.artifacts.put("feature1", Artifact("jobs", "d1", {"a": b"", "b": b""}), marker_of(ready.environment))
    ready.artifacts.objects["artifacts/feature1/d1/jobs/_SUCCESS"] = stored(b"", {})
    ready.close()

    ready.remove_until_done()

    assert set(ready.artifacts.objects) == {"artifacts/feature1/d1/jobs/_SUCCESS"}
    assert ready.environment.receipt["artifacts"] == 2
    assert ready.environment.receipt["left_alone"] == ["artifacts/feature1/d1/jobs/_SUCCESS"]


def test_the_name_is_free_again_afterwards_and_not_before(ready: World) -> None:
    ready.close()
    with pytest.raises(NotYetError):
        ready.remove()
    other = an_environment(pull_number=9, revision=0, name=None)
    assert ready.registry.claim(other, ["feature1", "feature1_9"], event="").name == "feature1_9"

    ready.remove_until_done()

    another = an_environment(pull_number=10, revision=0, name=None)
    assert ready.registry.claim(another, ["feature1"], event="").name == "feature1"


def test_a_pull_request_that_is_open_after_all_keeps_its_environment(ready: World) -> None:
    ready.remove()

    assert ready.environment.status == Status.READY
    assert "feature1.zip" in ready.dags.objects


def test_an_environment_of_a_repository_that_left_the_list_is_removed_though_its_pull_request_is_open(
    ready: World,
) -> None:
    with pytest.raises(NotYetError):
        ready.remove(allowed=frozenset({"acme/other"}))

    assert ready.environment.status == Status.REMOVING


def test_rows_are_deleted_only_after_airflow_has_let_go_of_the_zip(ready: World) -> None:
    ready.close()

    with pytest.raises(NotYetError, match="let go"):
        ready.remove()

    assert "feature1.zip" not in ready.dags.objects
    assert "qu.feature1.test_dag" in ready.airflow.rows
    assert OURS in ready.warehouse.stands


def test_a_dag_whose_tasks_still_run_is_waited_for(ready: World) -> None:
    ready.close()
    ready.airflow.running.add("qu.feature1.test_dag")
    with pytest.raises(AssertionError, match="never ends"):
        ready.remove_until_done()

    ready.airflow.running.clear()
    ready.remove_until_done()

    assert set(ready.airflow.rows) == {"qu.feature2.test_dag"}


def test_a_zip_that_airflow_has_never_listed_is_watched_until_it_cannot_turn_up_any_more(world: World) -> None:
    world.deploy(FILES)
    world.close()
    began = world.clock()

    world.remove_until_done(parse=False)

    assert (world.clock() - began).total_seconds() >= 420
    assert world.environment.status == Status.REMOVED


def test_a_dag_that_turns_up_late_is_deleted_too(world: World) -> None:
    world.deploy(FILES)
    world.airflow.defines["feature1"] = ("test_dag",)
    world.close()
    standing = world.dags.objects["feature1.zip"]
    with pytest.raises(NotYetError):
        world.remove()
    world.dags.objects["feature1.zip"] = standing
    world.airflow.parse(world.clock())
    del world.dags.objects["feature1.zip"]

    world.remove_until_done()

    assert not world.airflow.rows
    assert world.environment.receipt["dag_ids"] == ["qu.feature1.test_dag"]


def test_a_foreign_dag_with_our_tag_is_left_alone(ready: World) -> None:
    foreign = ListedDag(
        "billing", "/usr/local/airflow/dags/billing.py", frozenset({"feature1"}), is_active=True, parsed_at=NOW
    )
    ready.airflow.rows["billing"] = foreign
    ready.close()
    ready.airflow.defines = {}

    ready.remove_until_done()

    assert "billing" in ready.airflow.rows
    assert not ready.airflow.rows["billing"].is_paused
    assert ready.environment.status == Status.REMOVED


def test_foreign_objects_and_schemas_are_left_alone_and_named_in_the_receipt(ready: World) -> None:
    ready.dags.put_copy("feature1", {"notes.txt": b"by hand"}, {}, {})
    ready.warehouse.stands[OURS] = Schema("made by hand", {"precious": Table()})
    ready.close()

    ready.remove_until_done()

    assert ready.dags.objects["feature1/notes.txt"].content == b"by hand"
    assert ready.warehouse.kinds(OURS) == {"precious": "table"}
    assert ready.environment.receipt["left_alone"] == ["dags/feature1/notes.txt"]
    assert ready.environment.receipt["schemas_left_alone"] == [OURS]


def test_the_base_that_the_views_showed_is_untouched(ready: World) -> None:
    before = ready.warehouse.kinds("db_attribution_test")
    ready.close()

    ready.remove_until_done()

    assert ready.warehouse.kinds("db_attribution_test") == before


def test_a_worker_that_still_packages_is_waited_for(ready: World) -> None:
    ready.registry.update(
        ready.environment, lambda newest: with_lease(newest, "pipeline", "packager", NOW, 120), event=""
    )
    ready.close()

    with pytest.raises(NotYetError, match="another worker"):
        ready.remove()

    assert ready.environment.status == Status.REMOVING
    assert "feature1.zip" in ready.dags.objects


@pytest.fixture
def seeding(world: World) -> World:
    """A deployed commit one table of which is still to be filled, and a worker that is at it."""
    world.github.open(a_pull_request(), FILES_WITH_DATA)
    world.fetch()
    upload = ArchiveUploaded(next(iter(world.sources.objects)), world.clock())
    world.package(upload)
    world.provision(upload)
    return world


def test_a_removal_in_the_middle_of_a_seed_waits_for_its_worker_and_drops_nothing_under_it(seeding: World) -> None:
    (seed,) = seeding.seeds.waiting
    waited: list[str] = []

    def close() -> None:
        seeding.warehouse.after_each = nothing
        seeding.close()
        for _ in range(60):
            with pytest.raises(NotYetError) as error:
                seeding.remove()
            seeding.clock.forward(error.value.retry_seconds)
            if "seed" in str(error.value):
                waited.append(str(error.value))
                break
        assert OURS in seeding.warehouse.stands

    seeding.warehouse.after_each = close
    with pytest.raises(SupersededError):
        seeding.provision(seed, worker="seeder")
    seeding.remove_until_done()

    assert len(waited) == 1
    assert OURS not in seeding.warehouse.stands
    assert seeding.environment.status == Status.REMOVED


def test_a_worker_that_was_killed_while_it_filled_a_table_keeps_the_removal_no_longer_than_its_lease(
    seeding: World,
) -> None:
    seeding.registry.update(
        seeding.environment, lambda newest: with_lease(newest, f"seed {OURS}.m_roi", "killed", NOW, 600), event=""
    )
    seeding.close()
    with pytest.raises(AssertionError, match="never ends"):
        seeding.remove_until_done()
    assert OURS in seeding.warehouse.stands

    seeding.clock.forward(600)
    seeding.remove_until_done()

    assert OURS not in seeding.warehouse.stands


def test_a_seed_that_comes_after_the_removal_began_fills_nothing(seeding: World) -> None:
    (seed,) = seeding.seeds.waiting
    seeding.close()
    with pytest.raises(NotYetError):
        seeding.remove()
    ran = list(seeding.warehouse.ran)

    with pytest.raises(SupersededError):
        seeding.provision(seed)

    assert seeding.warehouse.ran == ran


def test_an_archive_that_arrives_during_the_removal_deploys_nothing(ready: World) -> None:
    upload = ready.upload(FILES)
    ready.close()
    with pytest.raises(NotYetError):
        ready.remove()

    with pytest.raises(SupersededError):
        ready.package(upload)

    assert "feature1.zip" not in ready.dags.objects


def test_a_removed_environment_is_told_again_and_not_removed_again(ready: World) -> None:
    ready.close()
    ready.remove_until_done()
    before = ready.environment

    ready.remove()

    assert ready.environment == before
    assert [detail["data"]["receipt"] for kind, detail in ready.bus.published if kind == "Removed"] == [
        before.receipt,
        before.receipt,
    ]


def test_a_refused_pull_request_has_nothing_to_remove(world: World) -> None:
    world.github.open(a_pull_request(is_draft=True), FILES)
    world.fetch()

    world.remove()

    assert world.environment.status == Status.REFUSED


# What goes before the rows


def test_before_anything_is_taken_away_no_run_can_be_begun_any_more(ready: World) -> None:
    ready.close()
    paused: list[bool] = []
    remove_zip = ready.dags.remove_zip

    def watched(environment: str, marker: Mapping[str, str]) -> int:
        paused.extend(row.is_paused for row in ready.airflow.dags("feature1"))
        return remove_zip(environment, marker)

    ready.dags.remove_zip = watched  # type: ignore[method-assign] # to look at the moment before

    with pytest.raises(NotYetError):
        ready.remove()

    assert paused == [True, True]
    assert not ready.airflow.rows["qu.feature2.test_dag"].is_paused


def test_runs_that_the_door_can_end_are_ended_and_in_the_receipt(ready: World) -> None:
    ready.close()
    ready.airflow.running.add("qu.feature1.test_dag")
    ready.airflow.can_be_ended.add("qu.feature1.test_dag")

    ready.remove_until_done()

    assert ready.environment.receipt["ended_runs"] == ["qu.feature1.test_dag"]


def test_a_run_that_can_be_ended_only_later_is_ended_then(ready: World) -> None:
    ready.close()
    ready.airflow.running.add("qu.feature1.test_dag")
    with pytest.raises(AssertionError, match="never ends"):
        ready.remove_until_done()

    ready.airflow.can_be_ended.add("qu.feature1.test_dag")
    ready.remove_until_done()

    assert ready.environment.receipt["ended_runs"] == ["qu.feature1.test_dag"]


def test_a_task_that_never_ends_is_told_asked_about_ever_less_and_leaves_no_trail(ready: World) -> None:
    ready.close()
    ready.airflow.running.add("qu.feature1.test_dag")
    with pytest.raises(AssertionError, match="never ends"):
        ready.remove_until_done()
    history = list(ready.registry.history)

    ready.clock.forward(86_400)
    with pytest.raises(NotYetError) as error:
        ready.remove()

    assert error.value.retry_seconds == 300
    assert ready.environment.message == (
        "its pull request is not open; the removal waits for what still runs: qu.feature1.test_dag"
    )
    assert ready.registry.history == history
    assert ready.environment.leases == {}
    assert "qu.feature1.test_dag_2" not in ready.airflow.rows


def test_a_removal_whose_time_is_up_goes_on_with_the_next_message(ready: World) -> None:
    ready.close()

    with pytest.raises(NotYetError, match="time is up"):
        ready.remove(seconds=60)
    assert ready.environment.leases == {}
    ready.remove_until_done()

    assert ready.environment.status == Status.REMOVED


def test_a_remover_that_was_killed_keeps_others_out_no_longer_than_its_lease(ready: World) -> None:
    ready.close()
    with pytest.raises(NotYetError):
        ready.remove()
    ready.registry.update(
        ready.environment, lambda newest: with_lease(newest, "data", "killed", ready.clock(), 300), event=""
    )

    with pytest.raises(NotYetError, match="another worker"):
        ready.remove()
    ready.clock.forward(300)
    ready.remove_until_done()

    assert ready.environment.status == Status.REMOVED


def test_a_zip_that_a_killed_worker_put_after_it_was_removed_is_removed_again_and_counted(ready: World) -> None:
    zip_of = ready.dags.objects["feature1.zip"]
    ready.close()
    with pytest.raises(NotYetError):
        ready.remove()
    ready.dags.objects["feature1.zip"] = zip_of
    ready.airflow.parse(ready.clock())

    ready.remove_until_done()

    assert set(ready.dags.objects) == {"feature2.zip"}
    assert set(ready.airflow.rows) == {"qu.feature2.test_dag"}
    assert ready.environment.receipt["objects"] == 7
    assert "its zip was back: removed again" in ready.registry.history


# Doors that cannot tell


def test_where_airflow_does_not_list_what_it_let_go_of_all_that_was_ever_listed_is_deleted(ready: World) -> None:
    ready.airflow.lists_let_go = False
    ready.close()
    began = ready.clock()

    ready.remove_until_done()

    assert (ready.clock() - began).total_seconds() >= 420
    assert set(ready.airflow.rows) == {"qu.feature2.test_dag"}
    assert ready.environment.receipt["dag_ids"] == ["qu.feature1.test_dag", "qu.feature1.test_dag_2"]
    assert ready.environment.receipt["let_go_at"] is None
    assert ready.environment.receipt["not_seen"] != []


# Who is told, and who comes next


def test_a_removal_that_could_not_be_told_is_told_by_the_next_message(ready: World) -> None:
    ready.close()
    publish = ready.bus.publish

    def refuse(detail_type: str, detail: Mapping[str, object]) -> None:
        if detail_type == "Removed":
            raise TransientUpstreamError(f"{detail_type} of {detail['environment']} is not taken")
        publish(detail_type, detail)

    ready.bus.publish = refuse  # type: ignore[method-assign] # the bus is down for a while
    with pytest.raises(TransientUpstreamError):
        ready.remove_until_done()
    ready.bus.publish = publish  # type: ignore[method-assign] # and up again
    ready.remove()

    ((kind, detail),) = ready.bus.beside_reports
    assert (kind, detail["data"]["receipt"]) == ("Removed", ready.environment.receipt)


def test_who_has_waited_longest_is_asked_for_when_there_is_room(ready: World) -> None:
    ready.policy = Policy(most_environments=1)
    for number in (2, 3):
        ready.github.open(a_pull_request(number=number, head_ref=f"feature{number}"), FILES)
        ready.fetch(event_about(number=number))
        ready.clock.forward(1)
    ready.close()
    ready.bus.published.clear()

    ready.remove_until_done()

    told = [(kind, detail["pull_number"]) for kind, detail in ready.bus.beside_reports]
    assert told == [("Removed", 1), ("Environment Requested", 2)]


def test_one_that_waits_and_is_closed_leaves_the_line_and_its_check_is_ended(world: World) -> None:
    world.policy = Policy(is_paused=True)
    world.github.open(a_pull_request(), FILES)
    world.fetch()
    world.bus.published.clear()
    world.close()

    world.remove()
    world.remove()

    assert (world.environment.status, world.environment.place) == (Status.REMOVED, None)
    assert world.bus.kinds == ["Report Requested"]


# What is unwanted, though its pull request is open


def unwanted(world: World) -> None:
    world.registry.update(world.environment, lambda newest: replace(newest, unwanted="no label"), event="")


def test_what_is_unwanted_is_removed_and_its_pull_request_is_looked_at_again(ready: World) -> None:
    unwanted(ready)

    ready.remove_until_done()

    gone = ready.environment
    assert (gone.status, gone.message, gone.dismissed) == (Status.REMOVED, "no label", None)
    assert ready.bus.kinds == ["Report Requested", "Removed", "Environment Requested"]


def test_what_is_wanted_again_before_its_removal_began_stays(ready: World) -> None:
    unwanted(ready)
    ready.registry.update(ready.environment, lambda newest: replace(newest, unwanted=""), event="")

    ready.remove()

    assert ready.environment.status == Status.READY


def test_a_closed_pull_request_of_another_installation_removes_nothing(ready: World) -> None:
    ready.github.installations = {REPOSITORY: 5}
    ready.close()

    with pytest.raises(InvalidEventError):
        ready.remove(replace(event_about(), installation_id=6))

    assert ready.environment.status == Status.READY


# Expiry


def test_what_expired_is_removed_with_its_commit_noted_and_a_closed_one_without(ready: World) -> None:
    ready.policy = Policy(expire_after=timedelta(days=14))
    ready.clock.forward(15 * 86_400)

    ready.remove_until_done()

    assert (ready.environment.status, ready.environment.dismissed) == (Status.REMOVED, ready.environment.head_sha)
    assert ready.environment.receipt["reason"] == "nobody has asked for anything of it for 14 days"
    ready.close()
    ready.remove()
    assert ready.environment.dismissed is None


def test_one_that_was_closed_is_not_dismissed(ready: World) -> None:
    ready.close()

    ready.remove_until_done()

    assert ready.environment.dismissed is None


def test_a_removal_of_what_a_newer_commit_was_pushed_for_removes_nothing(ready: World) -> None:
    ready.policy = Policy(expire_after=timedelta(days=14))
    ready.clock.forward(15 * 86_400)
    ready.github.open(a_pull_request(head_sha=SECOND), FILES)

    ready.remove()

    assert ready.environment.status == Status.READY


# Orphans


def orphan_event(world: World, name: str = "feature1", schemas: tuple[str, ...] = ()) -> PullRequestEvent:
    return replace(event_about(), claims=None, orphan=name, schemas=schemas)


@pytest.fixture
def orphaned(ready: World) -> World:
    """What ``feature1`` has stands as it was, and the registry has lost its record."""
    ready.registry = InMemoryRegistry()
    ready.github.pulls.clear()
    return ready


def test_an_orphan_is_removed_as_any_other_and_has_a_receipt(orphaned: World) -> None:
    orphaned.remove_until_done(orphan_event(orphaned, schemas=(OURS,)))

    environment = orphaned.environment
    assert (environment.status, environment.name) == (Status.REMOVED, "feature1")
    assert set(orphaned.dags.objects) == {"feature2.zip"}
    assert set(orphaned.airflow.rows) == {"qu.feature2.test_dag"}
    assert OURS not in orphaned.warehouse.stands
    assert environment.receipt["reason"] == "feature1 has no record of its own"
    assert environment.receipt["schemas"] == [OURS]


def test_an_orphans_request_that_comes_twice_removes_nothing_twice(orphaned: World) -> None:
    event = orphan_event(orphaned)
    orphaned.remove_until_done(event)
    before = orphaned.environment

    orphaned.remove(event)

    assert orphaned.environment == before


def test_an_orphan_that_somebody_cleared_meanwhile_leaves_no_record(world: World) -> None:
    world.remove(orphan_event(world))

    assert world.registry.get(REPOSITORY_ID, PULL_NUMBER) is None


def test_what_is_deployed_again_meanwhile_is_no_orphan_any_more(ready: World) -> None:
    ready.remove(orphan_event(ready))

    assert ready.environment.status == Status.READY


def test_a_name_that_another_pull_request_has_claimed_meanwhile_is_not_removed(orphaned: World) -> None:
    orphaned.registry.claim(an_environment(pull_number=9, revision=0, name=None), ["feature1"], event="")

    with pytest.raises(NotOursError):
        orphaned.remove(orphan_event(orphaned))

    assert "feature1.zip" in orphaned.dags.objects


# History


def test_every_change_of_the_status_is_a_line_of_the_history(world: World) -> None:
    moves: list[tuple[str, str, str]] = []
    save = world.registry.save

    def watched(environment: Environment, event: str) -> Environment:
        before = world.registry.get(environment.repository_id, environment.pull_number)
        if before is None or before.status != environment.status:
            moves.append((before.status if before else "", environment.status, event))
        return save(environment, event)

    world.registry.save = watched  # type: ignore[method-assign] # to see every write
    world.policy = Policy(is_paused=True)
    world.github.open(a_pull_request(), FILES_WITH_DATA)
    world.fetch()
    world.policy = Policy()
    world.deploy(FILES_WITH_DATA)
    world.airflow.defines["feature1"] = ("test_dag",)
    world.airflow.parse(world.clock())
    world.verify()
    world.close()
    world.remove_until_done()

    assert [after for _, after, _ in moves] == ["waiting", "requested", "deploying", "ready", "removing", "removed"]
    assert all(event for _, _, event in moves)
    assert "no run is begun any more" in world.registry.history
    assert "0 runs ended, the zip removed" in world.registry.history


# Crashes


class _LostError(Exception):
    """The worker is killed here."""


def _after[**P, R](calls: list[str], name: str, function: Callable[P, R], deadly: int) -> Callable[P, R]:
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        result = function(*args, **kwargs)
        calls.append(name)
        if len(calls) == deadly:
            raise _LostError(name)
        return result

    return call


STEPS = (
    ("airflow", "pause"),
    ("airflow", "end_runs"),
    ("dags", "remove_zip"),
    ("airflow", "delete_dag"),
    ("warehouse", "run"),
    ("dags", "remove_copy"),
    ("artifacts", "drop"),
    ("sources", "remove"),
    ("registry", "save"),
    ("bus", "publish"),
)


@pytest.mark.slow
@pytest.mark.parametrize("deadly", range(1, 36))
def test_a_removal_that_dies_after_any_step_is_finished_by_the_next(ready: World, deadly: int) -> None:
    ready.close()
    calls: list[str] = []
    for part, name in STEPS:
        owner = getattr(ready, part)
        setattr(owner, name, _after(calls, name, getattr(owner, name), deadly))

    try:
        ready.remove_until_done()
    except _LostError:
        ready.clock.forward(301)  # the lease of a worker that was killed ends with its time
    calls += ["nobody dies any more"] * 100
    ready.remove_until_done()

    assert ready.environment.status == Status.REMOVED
    assert set(ready.dags.objects) == {"feature2.zip"}
    assert set(ready.airflow.rows) == {"qu.feature2.test_dag"}
    assert OURS not in ready.warehouse.stands
    assert not ready.sources.objects
    assert ready.environment.receipt["environment"] == "feature1"
    assert ready.environment.receipt["schemas"] == [OURS]
    assert "Removed" in ready.bus.kinds


# Release lanes


def a_lane_with(world: World, **different: Any) -> Environment:
    """A canary of the first commit is ready, and beside it the release, of the second."""
    release = a_release_record(**{"status": Status.READY, "head_sha": SECOND, "revision": 0, **different})
    world.registry.claim(release, ["stage_pipelines"], event="")
    canary = replace(release, pull_number=CANARY, head_sha=FIRST, status=Status.READY)
    world.dags.put_zip("stage_pipelines_next", b"zip", marker_of(canary), replaces=None)
    world.dags.put_zip("stage_pipelines", b"zip", marker_of(release), replaces=None)
    return world.registry.claim(canary, ["stage_pipelines_next"], event="")


def about_a_release(number: int, **different: Any) -> PullRequestEvent:
    return PullRequestEvent(REPOSITORY_ID, REPOSITORY, number, FIRST, "delivery-1", None, **different)


def test_a_canary_that_nobody_asked_to_remove_stays(world: World) -> None:
    a_lane_with(world)

    world.remove(about_a_release(CANARY))

    assert set(world.dags.objects) == {"stage_pipelines.zip", "stage_pipelines_next.zip"}


@pytest.mark.parametrize("why", ["dropped", "asked", "promoted"])
def test_a_canary_is_removed_where_nobody_wants_it_and_the_release_stays(world: World, why: str) -> None:
    canary = a_lane_with(world, head_sha=FIRST if why == "promoted" else SECOND)
    if why == "dropped":
        world.registry.update(canary, lambda newest: replace(newest, unwanted="alice dropped it"), event="")

    wish = Wish("alice", removal=True, at=NOW) if why == "asked" else None
    world.remove_until_done(about_a_release(CANARY, wish=wish))

    gone, release = (world.registry.get(REPOSITORY_ID, number) for number in (CANARY, RELEASE))
    assert gone is not None
    assert release is not None
    assert (gone.status, release.status) == (Status.REMOVED, Status.READY)
    assert set(world.dags.objects) == {"stage_pipelines.zip"}
    assert "Environment Requested" not in world.bus.kinds


def test_the_archive_of_the_next_canary_outlives_the_removal_of_the_last_one(world: World) -> None:
    canary = a_lane_with(world, unwanted="alice dropped it")
    last, next_one = (SourceArchiveKey(REPOSITORY, CANARY, sha, "d" * 64) for sha in (FIRST, SECOND))
    world.sources.put(last, b"archive", marker_of(canary))
    world.clock.forward(60)
    with pytest.raises(NotYetError):
        world.remove(about_a_release(CANARY))
    world.clock.forward(60)
    world.sources.put(next_one, b"archive", marker_of(canary))

    world.remove_until_done(about_a_release(CANARY))
    world.remove(about_a_release(CANARY))

    assert set(world.sources.objects) == {str(next_one)}


def test_a_drop_that_comes_late_does_not_mean_the_canary_that_was_taken_since(world: World) -> None:
    canary = a_lane_with(world)
    world.registry.update(canary, lambda newest: replace(newest, requested_at=NOW + timedelta(minutes=1)), event="")

    world.remove(about_a_release(CANARY, wish=Wish("alice", removal=True, at=NOW)))

    assert "stage_pipelines_next.zip" in world.dags.objects


@pytest.mark.parametrize("wish", [None, Wish("alice", removal=True, at=NOW)])
def test_a_release_is_never_removed_while_its_repository_is_on_the_list(world: World, wish: Wish | None) -> None:
    a_lane_with(world, unwanted="somebody said so")

    world.remove(about_a_release(RELEASE, wish=wish))

    assert "stage_pipelines.zip" in world.dags.objects
