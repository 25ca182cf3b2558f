from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.environments import Status
from dagbranch.domain.leases import with_lease
from dagbranch.domain.requests import ArchiveUploaded, SeedRequest
from dagbranch.domain.statements import SEED_PROPERTY
from dagbranch.errors import NotYetError, SupersededError, TransientUpstreamError
from tests.fakes.examples import FILES, FILES_WITH_DATA, FIRST, NOW, SECOND, an_environment, nothing
from tests.fakes.warehouse import InMemoryWarehouse, Table, rows_of
from tests.fakes.world import World, ask_for

SCHEMA = "db_attribution_feature1"
ROI = f"{SCHEMA}.m_roi"
DAYS = [f"2026-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 26)]
TWO_TABLES = b"""\
version: 1
data:
  source_suffix: _test
  schemas:
    db_attribution:
      write:
        m_roi: {seed: "date >= '2026-01-01'"}
        m_events: {seed: "date >= '2026-01-01'"}
"""


@pytest.fixture
def requested(world: World) -> World:
    world.registry.claim(an_environment(name=None, revision=0), ["feature1"], event="")
    return world


@pytest.fixture
def large(requested: World) -> World:
    """A seed of 50 days, of which each is two rows."""
    requested.warehouse = InMemoryWarehouse(
        {"db_attribution_test": {"m_events": "table", "m_roi": Table(rows=rows_of(*DAYS, *DAYS))}}
    )
    return requested


def declaring(data: bytes) -> dict[str, bytes]:
    return {**FILES, "dagbranch.yaml": data}


def one_table(seed: str, more: str = "") -> dict[str, bytes]:
    return declaring(
        f"""\
version: 1
data:
  source_suffix: _test
  schemas:
    db_attribution:
      write:
        m_roi: {{seed: "{seed}"}}
{more}""".encode()
    )


LARGE = one_table("date >= '2026-01-01'")


def dates(world: World, table: str = ROI) -> list[str]:
    return sorted(row["date"] for row in world.warehouse.rows(table))


def made(world: World, files: dict[str, bytes], head_sha: str = FIRST) -> tuple[ArchiveUploaded, list[SeedRequest]]:
    """The archive's views and tables, and what is still to be seeded."""
    upload = world.upload(files, head_sha)
    world.provision(upload)
    seeds, world.seeds.waiting = world.seeds.waiting, []
    return upload, seeds


def to_fill(world: World) -> list[str]:
    return list(world.environment.seeding)


def is_done(world: World, table: str = ROI) -> bool:
    return world.warehouse.table(table).properties[SEED_PROPERTY].startswith("done")


def test_the_half_stands_only_when_the_last_of_its_tables_is_filled(requested: World) -> None:
    _, (events, roi) = made(requested, declaring(TWO_TABLES))
    assert requested.bus.kinds == []
    assert to_fill(requested) == [events.table, roi.table]

    requested.provision(events)
    assert requested.bus.kinds == []
    requested.provision(roi)

    assert requested.bus.kinds == ["Provisioned"]
    assert to_fill(requested) == []
    assert requested.environment.leases == {}
    assert dates(requested) == ["2026-01-01", "2026-01-31", "2026-02-01"]
    assert is_done(requested)


def test_a_seed_that_comes_twice_keeps_what_the_pipeline_wrote_meanwhile(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    requested.provision(seed)
    requested.warehouse.table(ROI).rows += rows_of("2026-03-01")

    requested.provision(seed)

    assert dates(requested) == ["2026-01-01", "2026-01-31", "2026-03-01"]


def test_a_seed_whose_worker_died_before_it_was_noted_doubles_no_row(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    requested.warehouse.failing, requested.warehouse.passing = {len(requested.warehouse.ran) + 1}, True
    with pytest.raises(TransientUpstreamError):
        requested.provision(seed)
    assert dates(requested) == ["2026-01-01", "2026-01-31"]

    requested.provision(seed)

    assert dates(requested) == ["2026-01-01", "2026-01-31"]
    assert is_done(requested)
    assert requested.bus.kinds == ["Provisioned"]


def test_whoever_finds_nothing_left_says_so_though_the_last_worker_died_before_it_did(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    requested.provision(seed)
    requested.bus.published.clear()

    requested.provision(seed)

    ((kind, detail),) = requested.bus.published
    assert (kind, detail["data"]["schemas"]) == ("Provisioned", {"db_attribution": SCHEMA})


def test_a_redeploy_keeps_the_rows_of_a_table_that_was_filled(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    requested.provision(seed)
    requested.warehouse.table(ROI).rows += rows_of("2026-03-01")
    ask_for(requested, SECOND)

    _, seeds = made(requested, {**FILES_WITH_DATA, "dags/more.sql": b"SELECT 1"}, SECOND)

    assert seeds == []
    assert dates(requested) == ["2026-01-01", "2026-01-31", "2026-03-01"]
    assert requested.bus.kinds == ["Provisioned", "Provisioned"]


def test_a_clone_that_worked_is_crossed_off_without_a_copy(requested: World) -> None:
    _, (seed,) = made(requested, one_table("all"))
    assert is_done(requested)
    ran = list(requested.warehouse.ran)

    requested.provision(seed)

    assert requested.warehouse.ran == ran
    assert requested.bus.kinds == ["Provisioned"]
    assert len(dates(requested)) == 4


def test_where_the_warehouse_cannot_clone_the_seed_copies(requested: World) -> None:
    requested.warehouse.knows_clones = False
    _, (seed,) = made(requested, one_table("all"))
    assert dates(requested) == []

    requested.provision(seed)

    assert dates(requested) == dates(requested, "db_attribution_test.m_roi")
    assert is_done(requested)


@pytest.mark.slow
def test_a_large_seed_goes_partition_by_partition(large: World) -> None:
    _, (seed,) = made(large, LARGE)

    large.provision(seed)

    assert dates(large) == sorted([*DAYS, *DAYS])
    assert sum("PARTITION" in sql for sql in large.warehouse.ran) == len(DAYS)


@pytest.mark.slow
def test_a_worker_stops_before_it_is_killed_and_the_next_goes_on_where_it_was(large: World) -> None:
    _, (seed,) = made(large, LARGE)
    large.warehouse.after_each = lambda: large.clock.forward(20)

    with pytest.raises(NotYetError) as error:
        large.provision(seed, seconds=600)
    began, filled = large.clock(), set(dates(large))
    assert error.value.retry_seconds <= 5
    assert 0 < len(filled) < len(DAYS)
    assert (began - NOW).total_seconds() < 600
    assert large.environment.leases == {}
    assert not is_done(large)
    large.seeds.waiting = [seed]
    large.fill()

    assert dates(large) == sorted([*DAYS, *DAYS])
    assert sum("PARTITION" in sql for sql in large.warehouse.ran) == len(DAYS)
    assert large.bus.kinds == ["Provisioned"]


@pytest.mark.slow
def test_a_worker_that_is_killed_in_the_middle_is_gone_on_from_when_its_lease_ends(large: World) -> None:
    _, (seed,) = made(large, LARGE)
    ran = len(large.warehouse.ran)

    class KilledError(Exception):
        pass

    def kill() -> None:
        if len(large.warehouse.ran) == ran + 7:
            raise KilledError

    large.warehouse.after_each = kill
    with pytest.raises(KilledError):
        large.provision(seed)
    large.warehouse.after_each = nothing

    large.provision(seed, worker="another")

    assert dates(large) == sorted([*DAYS, *DAYS])
    assert sum("PARTITION" in sql for sql in large.warehouse.ran) == len(DAYS)


def test_two_workers_never_fill_one_table_at_once_and_other_tables_go_beside(requested: World) -> None:
    _, (events, roi) = made(requested, declaring(TWO_TABLES))
    met: list[str] = []

    def beside() -> None:
        requested.warehouse.after_each = nothing
        with pytest.raises(NotYetError, match="another worker"):
            requested.provision(events, worker="second")
        requested.provision(roi, worker="third")
        met.append("both")

    requested.warehouse.after_each = beside
    requested.provision(events, worker="first")

    assert met == ["both"]
    assert dates(requested, events.table) == dates(requested, roi.table) == ["2026-01-01", "2026-01-31", "2026-02-01"]
    assert requested.bus.kinds == ["Provisioned"]


def test_a_seed_waits_while_tables_are_made(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    requested.registry.update(
        requested.environment, lambda newest: with_lease(newest, "data", "maker", NOW, 60), event=""
    )

    with pytest.raises(NotYetError, match="at the data"):
        requested.provision(seed)


def test_a_seed_that_a_newer_request_supersedes_in_the_middle_ends_and_notes_nothing(large: World) -> None:
    _, (seed,) = made(large, LARGE)
    large.warehouse.after_each = lambda: ask_for(large, SECOND)

    with pytest.raises(SupersededError):
        large.provision(seed)

    assert not is_done(large)
    assert large.environment.leases == {}
    assert large.bus.kinds == []
    assert len(set(dates(large))) < len(DAYS)


def test_the_seed_of_an_older_request_does_nothing(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    ask_for(requested, SECOND)

    with pytest.raises(SupersededError):
        requested.provision(seed)

    assert dates(requested) == []


def test_what_a_superseded_seed_had_filled_is_not_mixed_with_another_condition(large: World) -> None:
    _, (seed,) = made(large, LARGE)
    large.warehouse.after_each = lambda: ask_for(large, SECOND)
    with pytest.raises(SupersededError):
        large.provision(seed)
    large.warehouse.after_each = nothing

    made(large, one_table("date >= '2026-02-01'"), SECOND)[1]
    large.seeds.waiting = [SeedRequest(key_of(large), large.environment.generation, ROI)]
    large.fill()

    assert dates(large) == sorted(day for day in [*DAYS, *DAYS] if day >= "2026-02-01")


def key_of(world: World) -> str:
    return max(world.sources.objects, key=lambda key: world.sources.objects[key].serial)


def test_an_archive_waits_for_the_seed_whose_table_it_drops(large: World) -> None:
    _, (seed,) = made(large, LARGE)
    upload = large.upload(FILES, SECOND)
    waited: list[str] = []

    def newer() -> None:
        large.warehouse.after_each = nothing
        ask_for(large, SECOND)
        with pytest.raises(NotYetError, match="a worker is at the seed"):
            large.provision(upload, worker="second")
        waited.append("it waited")

    large.warehouse.after_each = newer
    with pytest.raises(SupersededError):
        large.provision(seed, worker="first")
    large.provision(upload, worker="second")

    assert waited == ["it waited"]
    assert SCHEMA not in large.warehouse.stands


def test_a_seed_that_the_warehouse_refuses_for_good_fails_the_environment(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    requested.warehouse.failing = {len(requested.warehouse.ran)}

    requested.provision(seed)

    assert requested.environment.status == Status.FAILED
    assert "MADE_UP" in requested.environment.message
    assert requested.environment.leases == {}
    assert requested.bus.kinds == ["Failed"]
    assert f"seed {ROI} failed" in requested.registry.history


def test_a_seed_that_failed_is_filled_by_the_next_request(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    requested.warehouse.failing = {len(requested.warehouse.ran)}
    requested.provision(seed)
    ask_for(requested, SECOND)

    requested.provision(requested.upload(FILES_WITH_DATA, SECOND))
    requested.fill()

    assert dates(requested) == ["2026-01-01", "2026-01-31"]
    assert requested.bus.kinds == ["Failed", "Provisioned"]


def test_a_table_that_is_gone_fails_with_what_to_do(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    del requested.warehouse.stands[SCHEMA].tables["m_roi"]

    requested.provision(seed)

    assert requested.environment.status == Status.FAILED
    assert "is not there any more" in requested.environment.message


def test_a_message_that_names_another_archive_fills_nothing(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    other = requested.upload(one_table("all")).key
    ran = list(requested.warehouse.ran)

    with pytest.raises(SupersededError, match="another archive"):
        requested.provision(replace(seed, key=other))

    assert requested.warehouse.ran == ran


def test_a_message_about_a_table_that_is_not_to_be_filled_fills_nothing(requested: World) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    ran = list(requested.warehouse.ran)

    requested.provision(replace(seed, table="db_attribution_test.m_roi"))

    assert requested.warehouse.ran == ran
    assert requested.bus.kinds == []


def test_seeds_go_through_the_masks_of_the_default_branch(requested: World) -> None:
    guard = DataGuard("_test", {"db_attribution": {"m_roi": {"email": None}}})
    requested.registry.update(requested.environment, lambda newest: replace(newest, guard=guard), event="")
    _, (seed,) = made(requested, FILES_WITH_DATA)

    requested.provision(seed)

    assert {row["email"] for row in requested.warehouse.rows(ROI)} == {None}
    assert dates(requested) == ["2026-01-01", "2026-01-31"]


def _protect(table: Table) -> None:
    table.has_row_filter = True


def _alter(table: Table) -> None:
    table.masked_columns = ("email",)


@pytest.mark.parametrize("protect", [_protect, _alter])
def test_a_source_that_is_protected_since_the_archive_was_planned_is_not_copied(
    requested: World, protect: Callable[[Table], None]
) -> None:
    _, (seed,) = made(requested, FILES_WITH_DATA)
    protect(requested.warehouse.table("db_attribution_test.m_roi"))

    requested.provision(seed)

    assert requested.environment.status == Status.FAILED
    assert "unprotected" in requested.environment.message
    assert dates(requested) == []
