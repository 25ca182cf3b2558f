from __future__ import annotations

from collections.abc import Callable

import pytest

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.artifacts import Artifact
from dagbranch.domain.environments import Status
from dagbranch.domain.leases import with_lease
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.requests import ArchiveUploaded
from dagbranch.errors import NotYetError, SupersededError
from tests.fakes.buckets import stored
from tests.fakes.examples import FILES, FILES_WITH_DATA, NOW, SECOND, a_pull_request, an_environment, nothing
from tests.fakes.warehouse import Schema, Table
from tests.fakes.world import World

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


def remove_until_done(world: World, *, parse: bool = True) -> int:
    """As the queue brings the request again; returns how often it was brought."""
    for attempt in range(1, 20):
        try:
            world.remove(worker=f"remover-{attempt}")
        except NotYetError as error:
            world.clock.forward(error.retry_seconds)
            if parse:
                world.airflow.parse(world.clock())
        else:
            return attempt
    raise AssertionError("the removal never ends")


def test_nothing_is_left_of_a_closed_pull_request_but_a_receipt(ready: World) -> None:
    ready.close()

    remove_until_done(ready)

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

    remove_until_done(ready)

    assert set(ready.artifacts.objects) == {"artifacts/feature1/d1/jobs/_SUCCESS"}
    assert ready.environment.receipt["artifacts"] == 2
    assert ready.environment.receipt["left_alone"] == ["artifacts/feature1/d1/jobs/_SUCCESS"]


def test_the_name_is_free_again_afterwards_and_not_before(ready: World) -> None:
    ready.close()
    with pytest.raises(NotYetError):
        ready.remove()
    other = an_environment(pull_number=9, revision=0, name=None)
    assert ready.registry.claim(other, ["feature1", "feature1_9"], event="").name == "feature1_9"

    remove_until_done(ready)

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
        remove_until_done(ready)

    ready.airflow.running.clear()
    remove_until_done(ready)

    assert set(ready.airflow.rows) == {"qu.feature2.test_dag"}


def test_a_zip_that_airflow_has_never_listed_is_watched_until_it_cannot_turn_up_any_more(world: World) -> None:
    world.deploy(FILES)
    world.close()
    began = world.clock()

    remove_until_done(world, parse=False)

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

    remove_until_done(world)

    assert not world.airflow.rows
    assert world.environment.receipt["dag_ids"] == ["qu.feature1.test_dag"]


def test_a_foreign_dag_with_our_tag_is_left_alone(ready: World) -> None:
    foreign = ListedDag(
        "billing", "/usr/local/airflow/dags/billing.py", frozenset({"feature1"}), is_active=True, parsed_at=NOW
    )
    ready.airflow.rows["billing"] = foreign
    ready.close()
    ready.airflow.defines = {}

    remove_until_done(ready)

    assert "billing" in ready.airflow.rows
    assert not ready.airflow.rows["billing"].is_paused
    assert ready.environment.status == Status.REMOVED


def test_foreign_objects_and_schemas_are_left_alone_and_named_in_the_receipt(ready: World) -> None:
    ready.dags.put_copy("feature1", {"notes.txt": b"by hand"}, {}, {})
    ready.warehouse.stands[OURS] = Schema("made by hand", {"precious": Table()})
    ready.close()

    remove_until_done(ready)

    assert ready.dags.objects["feature1/notes.txt"].content == b"by hand"
    assert ready.warehouse.kinds(OURS) == {"precious": "table"}
    assert ready.environment.receipt["left_alone"] == ["dags/feature1/notes.txt"]
    assert ready.environment.receipt["schemas_left_alone"] == [OURS]


def test_the_base_that_the_views_showed_is_untouched(ready: World) -> None:
    before = ready.warehouse.kinds("db_attribution_test")
    ready.close()

    remove_until_done(ready)

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
    remove_until_done(seeding)

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
        remove_until_done(seeding)
    assert OURS in seeding.warehouse.stands

    seeding.clock.forward(600)
    remove_until_done(seeding)

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
    remove_until_done(ready)
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
    ("dags", "remove_zip"),
    ("airflow", "delete_dag"),
    ("warehouse", "run"),
    ("dags", "remove_copy"),
    ("sources", "remove"),
    ("registry", "save"),
)


@pytest.mark.parametrize("deadly", range(1, 19))
def test_a_removal_that_dies_after_any_step_is_finished_by_the_next(ready: World, deadly: int) -> None:
    ready.close()
    calls: list[str] = []
    for part, name in STEPS:
        owner = getattr(ready, part)
        setattr(owner, name, _after(calls, name, getattr(owner, name), deadly))

    try:
        remove_until_done(ready)
    except _LostError:
        ready.clock.forward(301)  # the lease of a worker that was killed ends with its time
    remove_until_done(ready)

    assert ready.environment.status == Status.REMOVED
    assert set(ready.dags.objects) == {"feature2.zip"}
    assert set(ready.airflow.rows) == {"qu.feature2.test_dag"}
    assert OURS not in ready.warehouse.stands
    assert not ready.sources.objects
    assert ready.environment.receipt["environment"] == "feature1"
