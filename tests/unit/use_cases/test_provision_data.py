from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dagbranch.domain.access import Access
from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.data_stack import DataStack
from dagbranch.domain.environments import Status
from dagbranch.domain.fence import Fence
from dagbranch.domain.leases import with_lease
from dagbranch.domain.life_cycle import ready
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.overview import SchemaOverview
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.source_allowance import RepositoryLists
from dagbranch.domain.statements import Statement
from dagbranch.errors import NotYetError, SupersededError, TransientUpstreamError
from tests.fakes.examples import DATA_FILE, FILES, FILES_WITH_DATA, FIRST, NOW, REPOSITORY, SECOND, an_environment
from tests.fakes.warehouse import InMemoryWarehouse, Schema, Table
from tests.fakes.world import World, ask_for

OURS = "db_attribution_feature1"


@pytest.fixture
def requested(world: World) -> World:
    world.registry.claim(an_environment(name=None, revision=0), ["feature1"], event="")
    return world


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


def test_what_is_view_table_and_seed_is_noted_for_those_who_ask(requested: World) -> None:
    requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.environment.overview.schemas == (
        SchemaOverview("db_attribution_feature1", "db_attribution_test", views=1, tables=("m_roi",), seeded=("m_roi",)),
    )


def test_views_with_masked_columns_are_noted_and_no_data_is_no_schema(requested: World) -> None:
    masking = DATA_FILE + b"      mask: {m_events: {id: null}}\n"
    requested.warehouse.table("db_attribution_test.m_events").columns["id"] = "int"
    requested.provision(requested.upload({**FILES, "dagbranch.yaml": masking}))
    (masked,) = requested.environment.overview.schemas
    ask_for(requested, SECOND)
    requested.provision(requested.upload(FILES, SECOND))

    assert masked.masked == ("m_events",)
    assert requested.environment.overview.schemas == ()


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


# what is told


def declaring(*lines: str) -> dict[str, bytes]:
    schema = "\n".join(f"      {line}" for line in lines)
    text = f"version: 1\ndata:\n  source_suffix: _test\n  schemas:\n    db_attribution:\n{schema}\n"
    return {**FILES, "dagbranch.yaml": text.encode()}


def guarded(world: World, guard: DataGuard) -> None:
    world.registry.update(world.environment, lambda newest: replace(newest, guard=guard), event="")


def test_warnings_are_told_in_the_history_on_the_bus_and_to_the_author_beside_the_pipelines(requested: World) -> None:
    files = {**declaring("read: [m_events]"), "dags/rows.sql": b"SELECT * FROM db_attribution.m_roi\n"}
    upload = requested.upload(files)

    requested.provision(upload)

    ((_, detail),) = requested.bus.published
    (warning,) = detail["data"]["warnings"]
    assert "dags/rows.sql:1" in warning
    data = requested.environment.data
    assert data is not None
    assert data.message == warning
    assert requested.registry.history[-1].startswith("provisioned ")
    assert requested.registry.history[-1].endswith(warning)
    pipeline = replace(data, message="1 of 2 DAG modules are shown")
    told = ready(replace(requested.environment, pipeline=pipeline), 1, (), NOW).message
    assert told == f"1 of 2 DAG modules are shown\n{warning}"


def test_a_run_that_breaks_off_says_what_ran_and_what_failed_and_the_next_goes_on(requested: World) -> None:
    requested.warehouse.failing, requested.warehouse.passing = {2}, True
    upload = requested.upload(FILES_WITH_DATA)

    with pytest.raises(TransientUpstreamError):
        requested.provision(upload)

    told = requested.registry.history[-1]
    assert told.startswith("broken off: [MADE_UP] ")
    assert "2 statements ran: CREATE SCHEMA `db_attribution_feature1`" in told
    assert requested.environment.leases == {}
    requested.provision(upload)
    requested.fill()
    assert requested.warehouse.kinds(OURS) == {"m_events": "view", "m_roi": "table"}
    assert len(requested.warehouse.rows(f"{OURS}.m_roi")) == 2
    assert requested.bus.kinds == ["Provisioned"]


def test_what_the_warehouse_refuses_for_good_fails_with_its_words_and_what_ran(requested: World) -> None:
    requested.warehouse.failing = {1}

    requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.environment.status == Status.FAILED
    assert "MADE_UP" in requested.environment.message
    assert any(line.startswith("broken off") for line in requested.registry.history)


# who decides


def test_the_masks_of_the_default_branch_hold_whatever_the_pull_request_says(requested: World) -> None:
    guarded(requested, DataGuard("_test", {"db_attribution": {"m_events": {"email": "hash"}}}))

    requested.provision(requested.upload(declaring("read: [m_events]", "mask: {m_events: {email: keep}}")))

    shown = requested.warehouse.rows(f"{OURS}.m_events")
    assert not any("@" in row["email"] for row in shown)
    data = requested.environment.data
    assert data is not None
    assert "m_events.email" in data.message


def test_where_nobody_knows_what_the_default_branch_demands_nothing_is_made(requested: World) -> None:
    requested.registry.update(requested.environment, lambda newest: replace(newest, guard=None), event="")

    requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.environment.status == Status.FAILED
    assert "push a commit" in requested.environment.message
    assert (requested.warehouse.ran, requested.warehouse.asked) == ([], 0)


def test_a_source_suffix_that_the_stack_does_not_allow_is_refused_before_the_warehouse_is_asked(
    requested: World,
) -> None:
    files = {**FILES, "dagbranch.yaml": DATA_FILE.replace(b"source_suffix: _test", b"source_suffix: _live")}

    requested.provision(requested.upload(files))

    assert requested.environment.status == Status.FAILED
    assert "db_attribution_live" in requested.environment.message
    assert "ReadableSourceSuffixes" in requested.environment.message
    assert (requested.warehouse.ran, requested.warehouse.asked) == ([], 0)


def test_a_suffix_that_the_stack_allows_this_repository_alone_is_read(requested: World) -> None:
    requested.stack = replace(requested.stack, suffixes=RepositoryLists.parse(f"_live, {REPOSITORY}=_test"))

    requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.warehouse.kinds(OURS) == {"m_events": "view", "m_roi": "table"}


def test_columns_that_a_masked_table_gets_later_are_held_back_from_every_pull_request(requested: World) -> None:
    files = declaring("read: [m_events]", "mask: {m_events: {email: null}}")
    requested.provision(requested.upload(files))
    base = requested.warehouse.table("db_attribution_test.m_events")
    base.columns["phone"] = "string"
    ask_for(requested, SECOND)

    requested.provision(requested.upload({**files, "dags/more.sql": b"SELECT 1"}, SECOND))

    assert set(requested.warehouse.rows(f"{OURS}.m_events")[0]) == {"id", "date", "email"}
    data = requested.environment.data
    assert data is not None
    assert "phone" in data.message


def test_those_whom_stack_and_default_branch_name_may_use_the_schemas(requested: World) -> None:
    requested.stack = replace(requested.stack, access=Access(writers=("pipelines",)))
    guarded(requested, DataGuard(readers=("analysts",)))

    requested.provision(requested.upload(FILES_WITH_DATA))

    assert requested.warehouse.stands[OURS].grants == Access(("analysts",), ("pipelines",)).grants


# how often the warehouse is asked


def test_a_plain_environment_is_made_with_one_look_at_its_schemas(requested: World) -> None:
    requested.provision(requested.upload(declaring("read: [m_events]", "write: {m_roi: {}}")))

    assert requested.warehouse.asked == 2


def test_the_sql_is_not_read_where_the_file_says_never(requested: World) -> None:
    files = {**declaring("read: [m_events]"), "dags/rows.sql": b"INSERT INTO db_attribution.m_events VALUES (1)\n"}
    never = {**files, "dagbranch.yaml": files["dagbranch.yaml"].replace(b"data:\n", b"data:\n  detect: never\n")}

    requested.provision(requested.upload(never))

    assert requested.bus.kinds == ["Provisioned"]


def test_a_table_that_the_sql_writes_and_the_file_reads_is_told_before_anything_is_made(requested: World) -> None:
    files = {**declaring("read: [m_events]"), "dags/rows.sql": b"INSERT INTO db_attribution.m_events VALUES (1)\n"}

    requested.provision(requested.upload(files))

    assert requested.environment.status == Status.FAILED
    assert "dags/rows.sql:1" in requested.environment.message
    assert requested.warehouse.ran == []


# Release lanes


STAGE_FILE = (
    DATA_FILE
    + b"""\
      mask: {m_events: {email: null}}
lanes: {stage: {source_suffix: _test, table_suffix: _stage}}
"""
)
PROD_FILE = DATA_FILE + b"lanes: {prod: {table_suffix: _live}}\n"
LIVE = "db_attribution_live"


class LookedAtOnly(InMemoryWarehouse):
    """One in which nothing may be run at all, be it nothing that is run."""

    def run(self, phases: Sequence[Sequence[Statement]], fence: Fence) -> None:
        raise AssertionError(f"nothing is to be run here: {phases} within {fence}")


@pytest.fixture
def stage() -> World:
    return World("stage")


@pytest.fixture
def prod() -> World:
    world = World("prod")
    world.warehouse = LookedAtOnly({LIVE: {"m_events": "view", "m_roi": "table"}})
    return world


def of(file: bytes) -> dict[str, bytes]:
    return {**FILES, "dagbranch.yaml": file}


def test_a_release_lane_with_a_source_has_views_and_outputs_as_a_preview_has(stage: World) -> None:
    stage.provision(stage.ask_for_release(of(STAGE_FILE)))
    stage.fill()

    schema = "db_attribution_stage"
    assert stage.warehouse.kinds(schema) == {"m_events": "view", "m_roi": "table"}
    assert {row["email"] for row in stage.warehouse.rows(f"{schema}.m_events")} == {None}
    marker = SchemaMarker.parse(stage.warehouse.stands[schema].comment)
    assert marker is not None
    assert marker.same_owner(SchemaMarker("stage_pipelines", REPOSITORY, RELEASE, lane="stage"))
    assert stage.record().data is not None
    assert stage.bus.kinds == ["Provisioned"]


def test_the_next_commit_of_a_release_lane_keeps_what_its_pipelines_wrote(stage: World) -> None:
    stage.provision(stage.ask_for_release(of(STAGE_FILE)))
    stage.fill()
    stage.warehouse.table("db_attribution_stage.m_roi").rows = [{"id": 9, "date": "2026-11-21", "email": "x"}]

    stage.provision(stage.ask_for_release(of(STAGE_FILE), head_sha=SECOND))
    stage.fill()

    assert [row["id"] for row in stage.warehouse.rows("db_attribution_stage.m_roi")] == [9]


def test_schemas_of_another_lanes_release_are_left_alone(stage: World) -> None:
    theirs = str(SchemaMarker("stage_pipelines", REPOSITORY, RELEASE, lane="prod"))
    stage.warehouse.stands["db_attribution_stage"] = Schema(theirs)

    stage.provision(stage.ask_for_release(of(STAGE_FILE)))

    assert stage.record().status == Status.FAILED
    assert f"{REPOSITORY}'s release, environment stage_pipelines" in stage.record().message
    assert stage.warehouse.ran == []


def test_where_the_tables_are_there_already_nothing_is_run(prod: World) -> None:
    prod.provision(prod.ask_for_release(of(PROD_FILE)))

    assert prod.record().data is not None
    assert prod.record().schemas == ()
    assert prod.bus.kinds == ["Provisioned"]


def test_every_table_that_is_missing_is_named_with_its_line(prod: World) -> None:
    file = b"""\
version: 1
data:
  schemas:
    db_attribution:
      read: [m_events, "m_cost_*"]
      write: {m_roi: {}, M_Model: {}, m_events: {}}
    db_other: {read: all}
lanes: {prod: {table_suffix: _live}}
"""
    prod.provision(prod.ask_for_release(of(file)))

    assert prod.record().status == Status.FAILED
    assert prod.record().message.splitlines() == [
        "dagbranch.yaml:5: data.schemas.db_attribution.read: db_attribution_live has no m_cost_*",
        "dagbranch.yaml:6: data.schemas.db_attribution.write.M_Model: db_attribution_live has no M_Model",
        "dagbranch.yaml:6: data.schemas.db_attribution.write.m_events: db_attribution_live has m_events as a view",
        "dagbranch.yaml:7: data.schemas.db_other: there is no schema db_other_live",
        "(nothing is made in this lane: make what is missing there first)",
    ]


def test_a_lane_without_suffixes_uses_the_names_that_the_code_gives(prod: World) -> None:
    prod.warehouse.stands["db_attribution"] = prod.warehouse.stands[LIVE]

    prod.provision(prod.ask_for_release(of(DATA_FILE)))

    assert prod.record().data is not None


def test_a_commit_that_declares_no_data_costs_such_a_lane_no_table(prod: World) -> None:
    asked = prod.ask_for_release(FILES)
    prod.registry.update(prod.record(), lambda newest: replace(newest, schemas=(LIVE,)), event="")

    prod.provision(asked)

    assert prod.record().data is not None
    assert prod.warehouse.asked == 0


def test_a_way_back_is_judged_by_the_commit_itself(stage: World) -> None:
    upload = stage.ask_for_release(of(STAGE_FILE), rolls_back=True)
    assert stage.record().guard is None

    stage.provision(upload)

    assert stage.record().status != Status.FAILED
    assert "db_attribution_stage" in stage.warehouse.stands


# Canaries


def test_a_canary_has_schemas_of_its_own_beside_those_that_stand(stage: World) -> None:
    stage.provision(stage.ask_for_release(of(STAGE_FILE)))
    stage.provision(stage.ask_for_release(of(STAGE_FILE), CANARY, head_sha=SECOND))
    stage.fill()

    assert stage.record(CANARY).schemas == ("db_attribution_stage_next",)
    assert stage.warehouse.kinds("db_attribution_stage_next") == {"m_events": "view", "m_roi": "table"}
    assert stage.warehouse.kinds("db_attribution_stage") == {"m_events": "view", "m_roi": "table"}


def test_a_canary_where_the_tables_are_there_already_reads_and_keeps_off_them() -> None:
    prod = World("prod")
    prod.warehouse = InMemoryWarehouse({LIVE: {"m_events": "table", "m_roi": "table"}})
    prod.stack = DataStack(RepositoryLists.parse(""), RepositoryLists.parse("_live"), Access())
    before = prod.warehouse.rows(f"{LIVE}.m_roi")

    prod.provision(prod.ask_for_release(of(PROD_FILE), CANARY))
    prod.fill()

    beside = f"{LIVE}_next"
    assert prod.warehouse.kinds(beside) == {"m_events": "view", "m_roi": "table"}
    assert prod.warehouse.rows(f"{beside}.m_events") == prod.warehouse.rows(f"{LIVE}.m_events")
    assert len(prod.warehouse.rows(f"{beside}.m_roi")) < len(before) == len(prod.warehouse.rows(f"{LIVE}.m_roi"))
