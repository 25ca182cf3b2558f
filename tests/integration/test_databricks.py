"""Data environments made for real: the plan's statements through the connector, on Spark."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable, Iterator

import pytest

from dagbranch.adapters.databricks import DatabricksWarehouse
from dagbranch.domain.data_plan import plan_removal
from dagbranch.domain.questions import distinct_partitions
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.statements import (
    Statement,
    create_schema,
    create_table_like,
    create_view,
    drop_schema,
    insert_overwrite,
)
from dagbranch.domain.warehouse_state import TableDetails
from dagbranch.errors import (
    InvalidPipelineError,
    NotOursError,
    TransientUpstreamError,
    UnsafeStatementError,
    UpstreamError,
)
from local.certificates import Certificates, make_certificates
from local.warehouse.process import LocalWarehouse
from tests.integration.data_project import Project, adapter_of

JANUARY = "date BETWEEN '2026-01-01' AND '2026-01-31'"


@pytest.fixture
def connect(
    warehouse: LocalWarehouse, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., DatabricksWarehouse]]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    opened: list[DatabricksWarehouse] = []

    def make(**other: str) -> DatabricksWarehouse:
        opened.append(adapter_of(warehouse, **other))
        return opened[-1]

    yield make
    for adapter in opened:
        adapter.close()


@pytest.fixture(scope="module")
def base(warehouse: LocalWarehouse) -> Iterator[str]:
    """Two tables and a view, shared by the tests because none may change them."""
    name = f"db_{uuid.uuid4().hex[:8]}"
    for statement in (
        f"CREATE SCHEMA {name}_test",
        f"CREATE TABLE {name}_test.m_events (id INT, date DATE) USING parquet PARTITIONED BY (date)",
        f"INSERT INTO {name}_test.m_events VALUES (1, DATE'2026-01-01'), (2, DATE'2026-01-31'), (3, DATE'2026-02-01')",
        f"CREATE TABLE {name}_test.m_roi LIKE {name}_test.m_events",
        f"INSERT INTO {name}_test.m_roi SELECT id + 10, date FROM {name}_test.m_events",
        f"CREATE VIEW {name}_test.v_costs AS SELECT id FROM {name}_test.m_events",
    ):
        warehouse.query(statement)
    yield name
    for (schema,) in warehouse.query(f"SHOW SCHEMAS LIKE '{name}_*'"):
        warehouse.query(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def project(warehouse: LocalWarehouse, base: str, connect: Callable[..., DatabricksWarehouse]) -> Project:
    return Project(base, f"f{uuid.uuid4().hex[:8]}", connect(), warehouse.query)


def test_what_is_read_is_a_view_and_what_is_written_a_table_with_its_seed(project: Project) -> None:
    plan = project.provision(f'{{read: all, write: {{m_roi: {{seed: "{JANUARY}"}}}}}}')

    assert project.kinds() == {"m_events": "view", "m_roi": "table", "v_costs": "view"}
    assert project.rows(f"{project.target}.m_events") == [1, 2, 3]
    assert project.rows(f"{project.target}.m_roi") == [11, 12]
    assert plan.schemas == {project.schema: project.target}


def test_an_environment_carries_its_marker(project: Project) -> None:
    project.provision("{read: [m_events]}")

    comment = project.found().comment
    marker = SchemaMarker.parse(comment)
    assert marker is not None
    assert marker.same_owner(project.marker)


def test_a_second_plan_is_empty(project: Project) -> None:
    uses = f'{{read: all, write: {{m_roi: {{seed: "{JANUARY}"}}, m_events: {{}}}}}}'
    project.provision(uses)

    assert project.plan(uses).everything() == ()


def test_a_redeploy_keeps_the_rows_that_the_pipeline_wrote(project: Project) -> None:
    uses = '{read: all, write: {m_roi: {seed: "id = 11"}}}'
    project.provision(uses)
    project.query(f"INSERT INTO {project.target}.m_roi VALUES (99, DATE'2026-03-01')")

    project.provision(uses.replace("id = 11", "id = 12"))

    assert project.rows(f"{project.target}.m_roi") == [11, 99]
    assert project.rows(f"{project.base}.m_roi") == [11, 12, 13]


def test_a_seed_that_was_cut_off_is_done_again_without_doubling_rows(project: Project) -> None:
    uses = f'{{write: {{m_roi: {{seed: "{JANUARY}"}}}}}}'
    plan = project.plan(uses)
    project.warehouse.run([*plan.phases, plan.seeds[0].statements[:1]], plan.fence)

    again = project.provision(uses)

    assert (again.statements, len(again.seeds)) == ((), 1)
    assert project.rows(f"{project.target}.m_roi") == [11, 12]


def test_a_plan_that_was_cut_off_is_gone_on_with(project: Project) -> None:
    uses = "{read: all, write: {m_roi: {seed: all}}}"
    plan = project.plan(uses)
    project.warehouse.run([[each] for each in plan.statements[:2]], plan.fence)

    again = project.provision(uses)

    assert len(again.statements) == len(plan.statements) - 2
    assert project.kinds() == {"m_events": "view", "m_roi": "table", "v_costs": "view"}
    assert project.rows(f"{project.target}.m_roi") == [11, 12, 13]


def test_a_read_table_that_becomes_a_written_one_and_back(project: Project) -> None:
    project.provision("{read: all}")
    project.provision("{read: all, write: {m_events: {seed: all}}}")
    project.query(f"INSERT INTO {project.target}.m_events VALUES (99, DATE'2026-03-01')")
    written = project.kinds(), project.rows(f"{project.target}.m_events")

    project.provision("{read: all}")

    assert written == ({"m_events": "table", "m_roi": "view", "v_costs": "view"}, [1, 2, 3, 99])
    assert project.kinds() == {"m_events": "view", "m_roi": "view", "v_costs": "view"}
    assert project.rows(f"{project.target}.m_events") == project.rows(f"{project.base}.m_events") == [1, 2, 3]


def test_what_is_no_longer_declared_goes_and_what_the_pipeline_made_stays(project: Project) -> None:
    project.provision("{read: all, write: {m_roi: {}}}")
    project.query(f"CREATE TABLE {project.target}.scratch (id INT) USING parquet")

    project.provision("{read: [m_events]}")

    assert project.kinds() == {"m_events": "view", "scratch": "table"}


def test_views_follow_another_source_and_tables_keep_their_rows(project: Project) -> None:
    uses = "{read: [m_events], write: {m_roi: {seed: all}}}"
    project.provision(uses)
    project.query(f"CREATE SCHEMA {project.schema}_live")
    for table in ("m_events", "m_roi"):
        project.query(f"CREATE TABLE {project.schema}_live.{table} LIKE {project.base}.{table}")

    project.provision(uses, suffix="_live")

    assert project.rows(f"{project.target}.m_events") == []
    assert project.rows(f"{project.target}.m_roi") == [11, 12, 13]
    assert project.plan(uses, suffix="_live").everything() == ()


@pytest.mark.parametrize(
    "seed",
    [
        "date >= current_date() - 30000",
        "date >= date_sub(current_date(), 30000)",
        "date >= current_date() - INTERVAL 30000 DAYS",
        'date > "2026-01-01" AND NOT (id IN (99, 98) OR id IS NULL)',
        "date_trunc('month', date) >= '2026-01-01' AND cast(date AS string) LIKE '2026-%' AND year(date) = 2026",
        "add_months(date, 1) <=> last_day(date) OR coalesce(id, 0) <> 0",
    ],
)
def test_the_predicates_of_the_documentation_run(project: Project, seed: str) -> None:
    project.provision(_block(seed))

    assert 13 in project.rows(f"{project.target}.m_roi")


def test_three_level_names_work(project: Project) -> None:
    project.provision("{catalog: spark_catalog, read: all, write: {m_roi: {seed: all}}}")

    assert project.plan("{catalog: spark_catalog, read: all, write: {m_roi: {seed: all}}}").everything() == ()
    assert project.rows(f"spark_catalog.{project.target}.m_roi") == [11, 12, 13]


def test_a_schema_without_our_marker_is_not_touched(project: Project) -> None:
    project.query(f"CREATE SCHEMA {project.target} COMMENT 'of somebody'")

    with pytest.raises(NotOursError, match=project.target):
        project.plan("{read: all}")


def test_a_schema_of_another_pull_request_is_not_touched(project: Project) -> None:
    project.provision("{read: all}")

    with pytest.raises(NotOursError, match="pull request 1"):
        project.plan("{read: all}", pull_number=2)


def test_a_base_without_what_is_declared_is_told_before_anything_is_made(project: Project) -> None:
    with pytest.raises(InvalidPipelineError, match="has no m_nowhere") as raised:
        project.plan("{read: [m_nowhere], write: {v_costs: {}}}")

    assert "write.v_costs" in str(raised.value)
    assert project.kinds() == {}


def test_removal_leaves_the_base_and_other_schemas_as_they_were(project: Project) -> None:
    project.provision("{read: all, write: {m_roi: {seed: all}}}")
    before = project.warehouse.schemas([project.base]), project.rows(f"{project.base}.m_roi")

    existing = project.warehouse.schemas([project.target, project.base])
    removal = plan_removal(existing, environment=project.environment, repository="acme/pipelines", pull_number=1)
    project.warehouse.run([removal.statements], removal.fence)

    assert removal.not_ours == (project.base,)
    assert project.warehouse.schemas([project.target]) == {}
    assert (project.warehouse.schemas([project.base]), project.rows(f"{project.base}.m_roi")) == before


def test_schemas_that_do_not_exist_are_absent(project: Project) -> None:
    nowhere = f"{project.schema}_nowhere"

    assert project.warehouse.schemas([project.base, nowhere]).keys() == {project.base}
    assert project.warehouse.details([f"{project.base}.nothing", f"{nowhere}.t"]) == {}


def test_marked_schemas_of_a_catalog_have_the_names_that_the_registry_has(project: Project) -> None:
    project.provision("{catalog: spark_catalog, read: [m_events]}")

    found = project.warehouse.marked_schemas(["spark_catalog"])

    assert found[f"spark_catalog.{project.target}"].same_owner(project.marker)
    assert all(name.startswith("spark_catalog.") for name in found)
    assert f"spark_catalog.{project.base}" not in found


def test_an_information_schema_is_asked_once_in_the_place_of_every_schema(project: Project) -> None:
    project.query("CREATE SCHEMA information_schema")
    try:
        project.query("CREATE TABLE information_schema.schemata (schema_name STRING, comment STRING) USING parquet")
        marker = str(project.marker).replace("'", "\\'")
        project.query(
            "INSERT INTO information_schema.schemata VALUES "
            f"('Mine', '{marker}'), ('other', 'of somebody'), ('none', NULL), ('nearly', '{{\"dagbranch\": 10}}')"
        )

        found = project.warehouse.marked_schemas([None])
    finally:
        project.query("DROP SCHEMA information_schema CASCADE")

    assert found == {"mine": project.marker}


def test_a_schema_without_a_comment_has_no_marker(project: Project) -> None:
    found = project.warehouse.schemas([project.base])[project.base]

    assert SchemaMarker.parse(found.comment) is None
    assert found.tables == {"m_events": "table", "m_roi": "table", "v_costs": "view"}


def test_the_details_of_a_table_are_its_columns_partitions_and_properties(project: Project) -> None:
    project.query(f"CREATE SCHEMA {project.target}")
    project.query(
        f"CREATE TABLE {project.target}.t (Id INT, price DECIMAL(10,2), name VARCHAR(9), day DATE, at TIMESTAMP, "
        "parts ARRAY<STRUCT<a: BIGINT, b: MAP<STRING, TIMESTAMP_NTZ>>>) USING parquet PARTITIONED BY (day) "
        "TBLPROPERTIES ('dagbranch.seed' = 'it\\'s')"
    )

    details = project.warehouse.details([f"{project.target}.t"])

    assert details[f"{project.target}.t"] == TableDetails(
        columns={
            "Id": "int",
            "price": "decimal(10,2)",
            "name": "string",  # Spark enforces the length, and tells it elsewhere
            "at": "timestamp",
            "parts": "array<struct<`a`: bigint, `b`: map<string, timestamp_ntz>>>",
            "day": "date",
        },
        partition_columns=("day",),
        properties={"dagbranch.seed": "it's"},
    )


def test_a_view_follows_where_it_was_told_to(project: Project) -> None:
    project.query(f"CREATE SCHEMA {project.target}")
    views = [
        create_view(f"{project.target}.{name}", f"{project.base}.m_roi", follows=name == "new")
        for name in ("new", "old")
    ]
    project.warehouse.run([views], project.fence())

    details = project.warehouse.details([f"{project.target}.new", f"{project.target}.old"])

    assert [details[f"{project.target}.{name}"].follows for name in ("new", "old")] == [True, False]


def test_the_partitions_of_a_table_are_its_distinct_values(project: Project) -> None:
    question = distinct_partitions(f"{project.base}.m_events", ["date", "id"], None)

    assert [(str(day), number) for day, number in project.warehouse.partitions(question)] == [
        ("2026-01-01", 1),
        ("2026-01-31", 2),
        ("2026-02-01", 3),
    ]


def test_a_warehouse_without_grants_tells_none(project: Project) -> None:
    assert project.warehouse.grants([project.base]) == {}


def test_no_statement_runs_when_one_of_them_does_not_pass_the_fence(project: Project) -> None:
    plan = project.plan("{read: all}")

    with pytest.raises(UnsafeStatementError):
        project.warehouse.run([*plan.phases, [drop_schema(project.base)]], plan.fence)

    assert project.warehouse.schemas([project.target]) == {}


def test_a_statement_that_the_warehouse_refuses_is_named_with_its_reason_alone(project: Project) -> None:
    project.query(f"CREATE SCHEMA {project.target}")
    sound = create_table_like(f"{project.target}.t", f"{project.base}.m_events", "none")
    wrong = insert_overwrite(f"{project.target}.t", f"{project.base}.v_costs", None)

    with pytest.raises(UpstreamError) as raised:
        project.warehouse.run([[sound], [wrong]], project.fence())

    assert not isinstance(raised.value, TransientUpstreamError)
    assert "INSERT OVERWRITE TABLE" in str(raised.value)
    assert raised.value.ran == (sound,)
    assert "\n" not in str(raised.value)


def test_being_overtaken_is_transient(project: Project) -> None:
    plan = project.plan("{read: all}")
    project.query(f"CREATE SCHEMA {project.target}")

    with pytest.raises(TransientUpstreamError, match="SCHEMA_ALREADY_EXISTS"):
        project.warehouse.run(plan.phases, plan.fence)


def test_one_statement_that_fails_does_not_keep_the_others_of_its_phase(project: Project) -> None:
    plan = project.provision("{write: {m_roi: {}, m_events: {}}}")
    good = insert_overwrite(f"{project.target}.m_roi", f"{project.base}.m_roi", None)
    bad = insert_overwrite(f"{project.target}.m_events", f"{project.base}.v_costs", None)
    never = insert_overwrite(f"{project.target}.m_events", f"{project.base}.m_events", None)

    with pytest.raises(UpstreamError, match="m_events") as raised:
        project.warehouse.run([[bad, good], [never]], plan.fence)

    assert raised.value.ran == (good,)
    assert project.rows(f"{project.target}.m_roi") == [11, 12, 13]
    assert project.rows(f"{project.target}.m_events") == []


def test_many_tables_are_seeded_each_with_its_own_rows(project: Project) -> None:
    tables = [f"t{number}" for number in range(9)]
    project.query(f"CREATE SCHEMA {project.schema}_many")
    for table in tables:
        project.query(f"CREATE TABLE {project.schema}_many.{table} USING parquet AS SELECT {table[1:]} AS id")

    uses = ", ".join(f"{table}: {{seed: all}}" for table in tables)
    project.provision(f"{{write: {{{uses}}}}}", suffix="_many")

    assert [project.rows(f"{project.target}.{table}") for table in tables] == [[number] for number in range(9)]


def test_a_wrong_token_is_an_error_for_good_that_does_not_hold_it(connect: Callable[..., DatabricksWarehouse]) -> None:
    with pytest.raises(UpstreamError) as raised:
        connect(credentials="dapi-wrong-token").schemas(["anything"])

    assert not isinstance(raised.value, TransientUpstreamError)
    assert "dapi-wrong-token" not in str(raised.value)


def test_a_warehouse_that_cannot_be_reached_is_transient(connect: Callable[..., DatabricksWarehouse]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(TransientUpstreamError, match="localhost"):
            connect(host=f"localhost:{unused.getsockname()[1]}").schemas(["anything"])


def test_only_the_authorities_of_the_environment_are_trusted(
    connect: Callable[..., DatabricksWarehouse],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stranger = make_certificates(tmp_path_factory.mktemp("stranger"))
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger.authority))

    with pytest.raises(TransientUpstreamError):
        connect().schemas(["anything"])


def test_statements_that_no_builder_made_do_not_run(project: Project) -> None:
    for statement in (
        create_schema(project.target, SchemaMarker("feature2", "a/b", 1)),
        create_view(f"{project.base}.v", f"{project.base}.m_roi"),
        Statement(f"DROP TABLE {project.base}.m_roi", (f"{project.target}.m_roi",)),
    ):
        with pytest.raises(UnsafeStatementError):
            project.warehouse.run([[statement]], project.fence())

    assert project.rows(f"{project.base}.m_roi") == [11, 12, 13]


def _block(seed: str) -> str:
    return f"{{write: {{m_roi: {{seed: '{seed.replace(chr(39), chr(39) * 2)}'}}}}}}"
