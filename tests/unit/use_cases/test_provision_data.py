from __future__ import annotations

from dataclasses import replace

import pytest

from dagbranch.domain.environments import Status, with_lease
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.errors import NotYetError, SupersededError
from tests.fakes.examples import DATA_FILE, FILES, FILES_WITH_DATA, FIRST, NOW, REPOSITORY, SECOND, an_environment
from tests.fakes.warehouse import Schema, Table
from tests.fakes.world import World

OURS = "db_attribution_feature1"


@pytest.fixture
def requested(world: World) -> World:
    world.registry.claim(an_environment(name=None, revision=0), ["feature1"], event="")
    return world


def ask_for(world: World, head_sha: str) -> None:
    world.registry.update(
        world.environment,
        lambda newest: replace(newest, head_sha=head_sha, generation=newest.generation + 1, status=Status.REQUESTED),
        event="",
    )


def test_what_is_read_becomes_a_view_and_what_is_written_a_seeded_table(requested: World) -> None:
    requested.provision(requested.upload(FILES_WITH_DATA))
    requested.fill()

    made = requested.warehouse.stands[OURS]
    assert requested.warehouse.kinds(OURS) == {"m_events": "view", "m_roi": "table"}
    assert requested.warehouse.rows(f"{OURS}.m_events") == requested.warehouse.rows("db_attribution_test.m_events")
    assert [row["date"] for row in requested.warehouse.rows(f"{OURS}.m_roi")] == ["2026-01-01", "2026-01-31"]
    assert SchemaMarker.parse(made.comment) == SchemaMarker("feature1", REPOSITORY, 1, "db_attribution_test")
    environment = requested.environment
    assert environment.data is not None
    assert environment.schemas == (OURS,)
    assert environment.leases == {}
    ((kind, detail),) = requested.bus.published
    assert (kind, detail["data"]["schemas"]) == ("Provisioned", {"db_attribution": OURS})


def test_the_same_archive_a_second_time_runs_nothing(requested: World) -> None:
    upload = requested.upload(FILES_WITH_DATA)
    requested.provision(upload)
    requested.fill()
    ran = list(requested.warehouse.ran)

    requested.provision(upload)

    assert requested.warehouse.ran == ran
    assert requested.bus.kinds == ["Provisioned", "Provisioned"]


def test_without_declared_data_the_half_stands_and_the_warehouse_is_untouched(requested: World) -> None:
    requested.provision(requested.upload(FILES))

    assert requested.environment.data is not None
    assert requested.environment.schemas == ()
    assert requested.warehouse.ran == []


def test_schemas_that_a_commit_declares_no_more_are_dropped_and_still_looked_for_at_the_removal(
    requested: World,
) -> None:
    requested.provision(requested.upload(FILES_WITH_DATA))
    ask_for(requested, SECOND)

    requested.provision(requested.upload(FILES, SECOND))

    assert OURS not in requested.warehouse.stands
    assert requested.environment.schemas == (OURS,)


def test_a_base_that_lacks_what_is_declared_fails_with_every_fault(requested: World) -> None:
    files = {**FILES, "dagbranch.yaml": DATA_FILE.replace(b"m_events", b"m_missing").replace(b"m_roi", b"m_gone")}

    requested.provision(requested.upload(files))

    assert requested.environment.status == Status.FAILED
    assert "m_missing" in requested.environment.message
    assert "m_gone" in requested.environment.message
    assert requested.warehouse.ran == []
    assert requested.environment.leases == {}


def test_a_schema_that_is_not_ours_is_left_alone_and_the_environment_fails(requested: World) -> None:
    requested.warehouse.stands[OURS] = Schema("made by hand", {"precious": Table()})

    requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.environment.status == Status.FAILED
    assert requested.warehouse.kinds(OURS) == {"precious": "table"}
    assert requested.warehouse.ran == []


def test_schemas_are_noted_before_they_are_made_so_that_a_removal_finds_them(requested: World) -> None:
    class WorkerDiedError(Exception):
        pass

    def die() -> None:
        raise WorkerDiedError

    requested.warehouse.meanwhile = die
    with pytest.raises(WorkerDiedError):
        requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.environment.schemas == (OURS,)


def test_a_newer_request_before_the_schemas_are_noted_keeps_the_warehouse_untouched(requested: World) -> None:
    requested.sources.meanwhile = lambda: ask_for(requested, SECOND)

    with pytest.raises(SupersededError):
        requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.warehouse.ran == []
    assert requested.environment.leases == {}


def test_a_newer_request_while_the_statements_run_finds_the_lease_free(requested: World) -> None:
    requested.warehouse.meanwhile = lambda: ask_for(requested, SECOND)

    with pytest.raises(SupersededError):
        requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.environment.data is None
    assert requested.environment.leases == {}
    requested.warehouse.meanwhile = lambda: None
    requested.provision(requested.upload(FILES_WITH_DATA, SECOND), worker="another")
    assert requested.environment.data is not None


def test_both_halves_are_worked_at_beside_each_other(requested: World) -> None:
    requested.registry.update(
        requested.environment, lambda newest: with_lease(newest, "pipeline", "packager", NOW, 120), event=""
    )

    requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.environment.data is not None
    assert set(requested.environment.leases) == {"pipeline"}


def test_a_second_worker_of_the_same_half_waits(requested: World) -> None:
    requested.registry.update(
        requested.environment, lambda newest: with_lease(newest, "data", "another", NOW, 600), event=""
    )

    with pytest.raises(NotYetError):
        requested.provision(requested.upload(FILES_WITH_DATA, FIRST))
