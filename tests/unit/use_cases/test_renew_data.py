from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from dagbranch.domain.environments import Status
from dagbranch.domain.leases import with_lease
from dagbranch.domain.naming import RELEASE
from dagbranch.domain.requests import DataRequest
from dagbranch.errors import NotYetError, SupersededError, TransientUpstreamError
from tests.fakes.examples import FILES, FILES_WITH_DATA, NOW, PULL_NUMBER, REPOSITORY, REPOSITORY_ID, SECOND, nothing
from tests.fakes.warehouse import InMemoryWarehouse, Table, rows_of
from tests.fakes.world import World, ask_for

SCHEMA, BASE = "db_attribution_feature1", "db_attribution_test"
ROI = f"{SCHEMA}.m_roi"
PATTERNS = b"""\
version: 1
data:
  source_suffix: _test
  schemas:
    db_attribution:
      read: ["m_*"]
      write:
        m_roi: {seed: "date >= '2026-01-01'"}
        m_model: {}
      mask:
        m_customers: {email: null}
"""


@pytest.fixture
def ready(world: World) -> World:
    """An environment that is ready, in which the pipeline has written."""
    world.warehouse = InMemoryWarehouse(
        {BASE: dict.fromkeys(("m_events", "m_roi", "m_model", "m_customers", "m_old"), "table")}
    )
    world.deploy({**FILES, "dagbranch.yaml": PATTERNS})
    world.airflow.defines = {"feature1": ("test_dag",)}
    world.airflow.parse(world.clock())
    world.verify()
    assert world.environment.status == Status.READY
    world.bus.published.clear()
    world.registry.history.clear()
    world.warehouse.table(ROI).rows += rows_of("2026-03-01")
    world.warehouse.ran.clear()
    world.clock.forward(60)
    return world


def asked(kind: Literal["reset", "check"], world: World) -> DataRequest:
    return DataRequest(kind, REPOSITORY_ID, REPOSITORY, PULL_NUMBER, world.clock())


def status_of(world: World) -> Status:
    return world.environment.status


def dates(world: World, table: str = ROI) -> list[str]:
    return sorted(row["date"] for row in world.warehouse.rows(table))


# reset


def test_a_reset_makes_every_table_anew_and_the_environment_is_ready_when_they_are_filled(ready: World) -> None:
    pipeline, objects = ready.environment.pipeline, set(ready.dags.objects)

    ready.provision(asked("reset", ready))
    assert status_of(ready) == Status.DEPLOYING
    assert ready.environment.seeding == (ROI,)
    ready.fill()
    ready.verify()

    assert dates(ready) == ["2026-01-01", "2026-01-31", "2026-02-01"]
    assert status_of(ready) == Status.READY
    assert ready.environment.reset_at == ready.clock()
    assert (ready.environment.pipeline, set(ready.dags.objects)) == (pipeline, objects)
    assert ready.bus.kinds == ["Provisioned", "Ready"]
    assert "made its data anew, 1 to fill" in ready.registry.history


def test_a_reset_without_seeds_stands_at_once(world: World) -> None:
    files = {**FILES_WITH_DATA, "dagbranch.yaml": FILES_WITH_DATA["dagbranch.yaml"].split(b"        m_roi")[0]}
    files["dagbranch.yaml"] += b"        m_roi: {}\n"
    world.deploy(files)
    world.warehouse.table(ROI).rows += rows_of("2026-03-01")
    world.bus.published.clear()

    world.provision(asked("reset", world))

    assert dates(world) == []
    assert world.bus.kinds == ["Provisioned"]


def test_a_reset_that_is_brought_twice_is_done_once(ready: World) -> None:
    request = asked("reset", ready)
    ready.provision(request)
    ready.fill()
    ready.warehouse.table(ROI).rows += rows_of("2026-04-01")

    ready.clock.forward(5)
    ready.provision(request)

    assert "2026-04-01" in dates(ready)
    ready.provision(asked("reset", ready))
    ready.fill()
    assert "2026-04-01" not in dates(ready)


@pytest.mark.parametrize("place", range(4))
def test_a_reset_that_breaks_off_at_any_statement_is_finished_by_the_retry(ready: World, place: int) -> None:
    request = asked("reset", ready)
    ready.warehouse.failing, ready.warehouse.passing = {place}, True
    with pytest.raises(TransientUpstreamError):
        ready.provision(request)
    assert status_of(ready) == Status.DEPLOYING
    assert ready.environment.leases == {}

    ready.provision(request, worker="another")
    ready.fill()

    assert dates(ready) == ["2026-01-01", "2026-01-31", "2026-02-01"]
    assert ready.warehouse.kinds(SCHEMA)["m_model"] == "table"
    ready.verify()
    assert status_of(ready) == Status.READY


def test_a_reset_waits_for_a_worker_that_fills_a_table(ready: World) -> None:
    ready.registry.update(
        ready.environment, lambda newest: with_lease(newest, f"seed {ROI}", "seeder", ready.clock(), 60), event=""
    )

    with pytest.raises(NotYetError, match="seed"):
        ready.provision(asked("reset", ready))

    assert ready.warehouse.ran == []


def test_what_the_warehouse_refuses_for_good_fails_the_environment(ready: World) -> None:
    ready.warehouse.failing = {0}

    ready.provision(asked("reset", ready))

    assert status_of(ready) == Status.FAILED
    assert ready.bus.kinds == ["Failed"]


@pytest.mark.parametrize("kind", ["reset", "check"])
@pytest.mark.parametrize("status", [Status.REQUESTED, Status.REMOVING, Status.REMOVED, Status.REFUSED])
def test_data_that_does_not_stand_is_left_as_it_is_with_a_word_in_the_log(
    ready: World, kind: Literal["reset", "check"], status: Status
) -> None:
    ready.registry.update(ready.environment, lambda newest: replace(newest, status=status), event="")

    ready.provision(asked(kind, ready))

    assert ready.warehouse.ran == []
    assert ready.environment.status == status
    assert ready.telemetry.lines[-1][0].startswith(f"no {kind}: ")


def test_a_reset_of_what_a_newer_commit_has_superseded_is_refused(ready: World) -> None:
    ask_for(ready, SECOND)
    ready.registry.update(ready.environment, lambda newest: replace(newest, status=Status.DEPLOYING), event="")

    ready.provision(asked("reset", ready))

    assert ready.warehouse.ran == []
    assert "does not stand yet" in ready.telemetry.lines[-1][0]


def test_a_request_for_an_environment_that_never_was_is_only_logged(world: World) -> None:
    world.provision(asked("reset", world))

    assert world.telemetry.lines == [("no reset: there is no environment", {})]


# following the base


def test_where_the_base_is_as_it_was_nothing_is_run_and_only_the_time_is_noted(ready: World) -> None:
    before = ready.environment

    ready.provision(asked("check", ready))

    assert ready.warehouse.ran == []
    assert ready.registry.history == []
    assert ready.bus.kinds == []
    after = ready.environment
    assert after.compared_at == ready.clock()
    assert replace(after, compared_at=before.compared_at, updated_at=before.updated_at, revision=0) == replace(
        before, revision=0
    )


def test_tables_that_came_and_went_in_the_base_come_and_go_and_the_history_says_so(ready: World) -> None:
    tables = ready.warehouse.stands[BASE].tables
    del tables["m_old"]
    tables["m_new"] = Table(rows=rows_of("2026-05-01"))
    ready.warehouse.table(f"{BASE}.m_customers").columns["phone"] = "string"
    ready.warehouse.table(f"{BASE}.m_customers").columns["id"] = "bigint"
    pipeline = ready.environment.pipeline

    ready.provision(asked("check", ready))

    assert ready.warehouse.kinds(SCHEMA) == {
        "m_customers": "view",
        "m_events": "view",
        "m_model": "table",
        "m_new": "view",
        "m_roi": "table",
    }
    assert dates(ready, f"{SCHEMA}.m_new") == ["2026-05-01"]
    (line,) = ready.registry.history
    assert line.startswith("followed the base: + m_new, - m_old")
    ((kind, detail),) = ready.bus.published
    assert (kind, detail["data"]["added"], detail["data"]["removed"]) == (
        "Updated",
        [f"{SCHEMA}.m_new"],
        [f"{SCHEMA}.m_old"],
    )
    assert (ready.environment.status, ready.environment.pipeline) == (Status.READY, pipeline)
    assert "2026-03-01" in dates(ready)


def test_views_that_do_not_follow_by_themselves_get_the_columns_of_today(world: World) -> None:
    world.warehouse.knows_evolution = False
    world.deploy(FILES_WITH_DATA)
    world.airflow.defines = {"feature1": ("test_dag",)}
    world.airflow.parse(world.clock())
    world.verify()
    world.warehouse.table(f"{BASE}.m_events").columns["added"] = "int"

    world.provision(asked("check", world))

    assert "added" in world.warehouse.rows(f"{SCHEMA}.m_events")[0]
    assert world.registry.history[-1] == "followed the base: 1 changed"


def test_a_written_table_that_the_base_has_lost_is_no_failure(ready: World) -> None:
    del ready.warehouse.stands[BASE].tables["m_roi"]

    ready.provision(asked("check", ready))

    assert status_of(ready) == Status.READY
    assert "2026-03-01" in dates(ready)


def test_a_table_that_somebody_dropped_is_made_and_filled_again_beside_the_others(ready: World) -> None:
    del ready.warehouse.stands[SCHEMA].tables["m_roi"]

    ready.provision(asked("check", ready))
    ready.fill()

    assert dates(ready) == ["2026-01-01", "2026-01-31", "2026-02-01"]
    assert status_of(ready) == Status.READY
    assert ready.environment.seeding == ()
    assert ready.bus.kinds == ["Updated"]


def test_what_came_to_the_base_is_noted_for_those_who_ask(ready: World) -> None:
    before = ready.environment.overview.schemas[0]
    ready.warehouse.stands[BASE].tables["m_new"] = Table()

    ready.provision(asked("check", ready))

    assert ready.environment.overview.schemas == (replace(before, views=before.views + 1),)


def test_what_cannot_be_followed_is_noted_and_the_environment_stays_ready(ready: World) -> None:
    ready.warehouse.stands[BASE].tables["m_new"] = Table()
    ready.warehouse.failing = {0}

    ready.provision(asked("check", ready))

    assert status_of(ready) == Status.READY
    assert ready.environment.compared_at == ready.clock()
    assert ready.environment.leases == {}
    assert ready.registry.history[-1].startswith("could not follow the base: [MADE_UP]")
    assert ready.bus.kinds == []


def test_a_comparison_that_fails_in_passing_is_made_again(ready: World) -> None:
    ready.warehouse.stands[BASE].tables["m_new"] = Table()
    ready.warehouse.failing, ready.warehouse.passing = {0}, True
    request = asked("check", ready)
    with pytest.raises(TransientUpstreamError):
        ready.provision(request)

    ready.provision(request)

    assert ready.warehouse.kinds(SCHEMA)["m_new"] == "view"
    assert ready.environment.leases == {}


def test_an_environment_without_declared_data_is_compared_without_a_question(world: World) -> None:
    world.deploy(FILES)
    world.airflow.defines = {"feature1": ("test_dag",)}
    world.airflow.parse(world.clock())
    world.verify()
    world.clock.forward(timedelta(days=1).total_seconds())

    world.provision(asked("check", world))

    assert world.environment.compared_at == NOW + timedelta(days=1)
    assert world.warehouse.asked == 0
    assert world.warehouse.after_each is nothing


# Release lanes


LANES = b"lanes: {stage: {source_suffix: _test, table_suffix: _stage}}\n"


def standing(lane: str, file: bytes) -> World:
    """A release that is ready in that lane."""
    world = World(lane)
    world.warehouse = InMemoryWarehouse({BASE: dict.fromkeys(("m_events", "m_roi", "m_model", "m_customers"), "table")})
    world.warehouse.stands["db_attribution"] = world.warehouse.stands[BASE]
    world.provision(world.ask_for_release({**FILES, "dagbranch.yaml": file}))
    world.fill()
    world.registry.update(world.record(), lambda newest: replace(newest, status=Status.READY), event="")
    world.warehouse.ran.clear()
    world.bus.published.clear()
    return world


def asked_of_a_release(kind: Literal["reset", "check"], world: World) -> DataRequest:
    return DataRequest(kind, REPOSITORY_ID, REPOSITORY, RELEASE, world.clock())


def test_the_views_of_a_release_lane_follow_their_base() -> None:
    stage = standing("stage", PATTERNS + LANES)
    stage.warehouse.stands[BASE].tables["m_new"] = Table()

    stage.provision(asked_of_a_release("check", stage))

    assert "m_new" in stage.warehouse.kinds("db_attribution_stage")
    assert stage.bus.kinds == ["Updated"]
    assert stage.record().status == Status.READY


def test_the_outputs_of_a_release_lane_are_made_anew_where_somebody_asks_for_it() -> None:
    stage = standing("stage", PATTERNS + LANES)
    stage.warehouse.table("db_attribution_stage.m_roi").rows += rows_of("2026-03-01")

    stage.provision(asked_of_a_release("reset", stage))
    stage.fill()

    assert dates(stage, "db_attribution_stage.m_roi") == ["2026-01-01", "2026-01-31", "2026-02-01"]
    assert stage.bus.kinds == ["Provisioned"]


def test_where_a_release_lane_makes_nothing_there_is_nothing_to_follow_or_to_make_anew() -> None:
    prod = standing("prod", PATTERNS)
    asked_before = prod.warehouse.asked

    prod.provision(asked_of_a_release("check", prod))
    with pytest.raises(SupersededError, match="or made in this lane"):
        prod.provision(asked_of_a_release("reset", prod))

    assert (prod.warehouse.ran, prod.warehouse.asked) == ([], asked_before)
    assert prod.record().status == Status.READY
    assert prod.record().leases == {}
