"""Data environments on real Spark: masks, seeds by partition, resets, and what the base has changed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest

from dagbranch.adapters.databricks import DatabricksWarehouse
from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.data_plan import DataPlan
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.wanted_data import Judgement
from dagbranch.domain.warehouse_state import Kind, TableDetails
from dagbranch.errors import InvalidPipelineError, UpstreamError
from local.certificates import Certificates
from local.warehouse.process import LocalWarehouse
from tests.integration.data_project import adapter_of
from tests.unit.domain.data_environment import DataEnvironment, specification

EVERY_TYPE = {
    "s": "string",
    "vc": "varchar(100)",
    "ch": "char(3)",
    "i": "int",
    "bi": "bigint",
    "si": "smallint",
    "ti": "tinyint",
    "db": "double",
    "fl": "float",
    "dc": "decimal(10,2)",
    "bo": "boolean",
    "da": "date",
    "ts": "timestamp",
    "tn": "timestamp_ntz",
    "bin": "binary",
    "ar": "array<string>",
    "mp": "map<string,int>",
    "st": "struct<a:int,`b c`:string>",
    "iv": "interval day to second",
    "ym": "interval year to month",
    "odd name": "string",
    "ba`ck": "string",
    "ü": "string",
}
VALUES = (
    "'secret', 'secret', 'abc', 7, 7, 7, 7, 7.5, 7.5, 7.25, true, DATE'1999-09-09', TIMESTAMP'1999-09-09 10:00:00', "
    "TIMESTAMP_NTZ'1999-09-09 10:00:00', X'77', array('secret'), map('secret', 7), "
    "named_struct('a', 7, 'b c', 'secret'), "
    "CAST(INTERVAL '7' DAY AS INTERVAL DAY TO SECOND), CAST(INTERVAL '7' YEAR AS INTERVAL YEAR TO MONTH), "
    "'secret', 'secret', 'secret'"
)


class Environment:
    """One pull request's, in schemas of the test's own."""

    def __init__(self, local: LocalWarehouse, warehouse: DatabricksWarehouse) -> None:
        self.schema = f"db_{uuid.uuid4().hex[:8]}"
        self.base, self.target = f"{self.schema}_test", f"{self.schema}_feature1"
        self.warehouse, self.query = warehouse, local.query
        self.data = DataEnvironment(warehouse)
        self.query(f"CREATE SCHEMA {self.base}")

    def plan(self, uses: str, *, reset: bool = False, judgement: Judgement | None = None) -> DataPlan:
        return self.data.plan(self.declared(uses), judgement, reset=reset)

    def provision(self, uses: str, *, reset: bool = False, judgement: Judgement | None = None) -> DataPlan:
        """All of it, and then a second plan that has to be empty."""
        plan = self.data.provision(self.declared(uses), judgement, reset=reset)
        again = self.plan(uses, judgement=judgement)
        assert (again.everything(), again.seeds) == ((), ())
        return plan

    def declared(self, uses: str) -> DataSpecification:
        return specification(f"{{source_suffix: _test, schemas: {{{self.schema}: {uses}}}}}")

    def kinds(self) -> dict[str, Kind]:
        return dict(self.warehouse.schemas([self.target])[self.target].tables)

    def details(self, name: str) -> TableDetails:
        return self.warehouse.details([name])[name]

    def own(self, name: str) -> list[tuple[object, ...]]:
        return sorted(self.query(f"SELECT * FROM {self.target}.{name}"), key=str)


@pytest.fixture
def environment(
    warehouse: LocalWarehouse, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Environment]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with adapter_of(warehouse) as adapter:
        made = Environment(warehouse, adapter)
        try:
            yield made
        finally:
            made.data.remove()
            made.query(f"DROP SCHEMA {made.base} CASCADE")


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def make_every_type(environment: Environment) -> str:
    table = f"{environment.base}.m_people"
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in EVERY_TYPE.items())
    environment.query(f"CREATE TABLE {table} (id int, {columns}) USING parquet")
    environment.query(f"INSERT INTO {table} SELECT 1, {VALUES}")
    environment.query(f"INSERT INTO {table} (id) VALUES (2)")
    return table


def test_a_null_takes_the_place_of_a_column_of_any_type_in_views_and_seeds(environment: Environment) -> None:
    source = make_every_type(environment)
    nulls = ", ".join(f'"{name}": null' for name in EVERY_TYPE)

    environment.provision(f"{{read: all, mask: {{m_people: {{{nulls}}}}}}}")
    seen = environment.own("m_people")
    types = environment.details(f"{environment.target}.m_people").columns
    environment.provision(f"{{write: {{m_people: {{seed: all}}}}, mask: {{m_people: {{{nulls}}}}}}}")

    assert seen == environment.own("m_people") == [(1, *[None] * len(EVERY_TYPE)), (2, *[None] * len(EVERY_TYPE))]
    assert types == environment.details(source).columns


def test_a_star_hashes_what_has_a_hash_and_shows_nothing_of_the_rest(environment: Environment) -> None:
    source = make_every_type(environment)

    environment.provision('{read: all, mask: {m_people: {id: keep, "*": hash}}}')

    hashed, empty = environment.own("m_people")
    assert "secret" not in str(hashed)
    assert 7 not in hashed
    assert [value for value in hashed[1:] if value is not None][:2] == [hashed[1], hashed[1]]
    assert empty == (2, *[None] * len(EVERY_TYPE))
    assert environment.details(f"{environment.target}.m_people").columns == environment.details(source).columns


def test_equal_values_have_equal_hashes_in_views_and_seeds_so_that_they_join(environment: Environment) -> None:
    for table in ("m_a", "m_b"):
        environment.query(f"CREATE TABLE {environment.base}.{table} (email string, i int, bi bigint) USING parquet")
        environment.query(f"INSERT INTO {environment.base}.{table} VALUES ('x@acme.org', 1, 2), (NULL, NULL, NULL)")
    masks = "{email: hash, i: hash, bi: hash}"

    environment.provision(f"{{read: [m_a], write: {{m_b: {{seed: all}}}}, mask: {{m_a: {masks}, m_b: {masks}}}}}")

    first, second = environment.own("m_a"), environment.own("m_b")
    assert first == second
    assert (None, None, None) in first
    assert "x@acme.org" not in str(first)


def test_a_value_takes_the_place_of_a_column_with_its_type(environment: Environment) -> None:
    source = make_every_type(environment)
    values = (
        'vc: "re\'dacted", s: "x\\\\y", i: 5, bi: -5, ti: 1, db: 1.0e+30, fl: 1.5, dc: 1.25, bo: false, '
        "da: 2000-01-01, ts: '2000-01-01 10:00', tn: '2000-01-01 10:00:00.5'"
    )

    environment.provision(f'{{read: all, mask: {{m_people: {{id: keep, "*": null, {values}}}}}}}')

    shown = dict(zip(["id", *EVERY_TYPE], environment.own("m_people")[1], strict=True))
    assert (shown["vc"], shown["s"], shown["i"], shown["bi"], shown["ti"]) == ("re'dacted", "x\\y", 5, -5, 1)
    assert (shown["db"], shown["fl"], str(shown["dc"]), shown["bo"]) == (1e30, 1.5, "1.25", False)
    assert (shown["da"], str(shown["tn"])[:19]) == (dt.date(2000, 1, 1), "2000-01-01 10:00:00")
    assert environment.details(f"{environment.target}.m_people").columns == environment.details(source).columns


def test_a_new_column_of_the_base_never_slips_past_a_table_with_masks(environment: Environment) -> None:
    environment.query(f"CREATE TABLE {environment.base}.m_a (id int, email string) USING parquet")
    environment.query(f"CREATE TABLE {environment.base}.m_b (id int) USING parquet")
    environment.query(f"INSERT INTO {environment.base}.m_a VALUES (1, 'x@acme.org')")
    uses = "{read: all, mask: {m_a: {email: hash}}}"
    environment.provision(uses)

    for table in ("m_a", "m_b"):
        environment.query(f"ALTER TABLE {environment.base}.{table} ADD COLUMNS (phone string)")
    environment.query(f"INSERT INTO {environment.base}.m_a VALUES (2, 'y@acme.org', '555')")
    between = environment.own("m_a")
    warnings = environment.provision(uses).warnings

    assert "555" not in str([*between, *environment.own("m_a")])
    assert environment.query(f"SELECT id, phone FROM {environment.target}.m_b") == []
    assert "held back because the table has masks: phone" in "".join(warnings)
    environment.provision("{read: all, mask: {m_a: {email: hash, phone: keep}}}")
    assert "555" in str(environment.own("m_a"))


def test_the_default_branchs_masks_hold_through_every_commit(environment: Environment) -> None:
    environment.query(f"CREATE TABLE {environment.base}.m_a (id int, email string) USING parquet")
    environment.query(f"INSERT INTO {environment.base}.m_a VALUES (1, 'x@acme.org')")
    judgement = Judgement(DataGuard("_test", {environment.schema: {"m_a": {"email": "hash"}}}))

    for uses in (
        "{read: all}",
        "{read: all, mask: {m_a: {email: keep}}}",
        "{write: {m_a: {seed: all}}}",
        "{read: all, mask: {m_a: {id: null}}}",
        "{write: {m_a: {seed: 'id > 0'}}, mask: {m_a: {'*': keep}}}",
    ):
        environment.provision(uses, judgement=judgement)

        assert "acme.org" not in str(environment.own("m_a"))
        assert len(environment.own("m_a")) == 1


def by_day(environment: Environment, days: int) -> None:
    environment.query(
        f"CREATE TABLE {environment.base}.m_days (id int, email string, day date, region string) USING parquet "
        "PARTITIONED BY (day, region)"
    )
    environment.query(
        f"INSERT INTO {environment.base}.m_days SELECT CAST(id AS INT), 'x@acme.org', "
        f"date_add(DATE'2026-01-01', CAST(id AS INT)), IF(id % 2 = 0, 'it''s', 'b') FROM range({days})"
    )


def test_a_seed_of_many_partitions_goes_on_where_it_was_cut_off_and_doubles_nothing(environment: Environment) -> None:
    by_day(environment, 36)
    uses = "{write: {m_days: {seed: 'id >= 3'}}, mask: {m_days: {email: hash}}}"
    plan = environment.plan(uses)
    environment.warehouse.run(plan.phases, plan.fence)
    (seed,) = environment.plan(uses).seeds

    environment.data.fill(seed, plan, most=5)
    filled = len(environment.own("m_days"))
    environment.provision(uses)

    assert filled == 5
    assert [row[0] for row in sorted(environment.own("m_days"))] == list(range(3, 36))
    assert "acme.org" not in str(environment.own("m_days"))
    assert environment.details(f"{environment.target}.m_days").partition_columns == ("day", "region")


def test_a_half_filled_table_is_made_anew_for_another_condition(environment: Environment) -> None:
    by_day(environment, 36)
    plan = environment.plan("{write: {m_days: {seed: 'id >= 0'}}}")
    environment.warehouse.run(plan.phases, plan.fence)
    environment.data.fill(plan.seeds[0], plan, most=5)

    environment.provision("{write: {m_days: {seed: 'id >= 34'}}}")

    assert [row[0] for row in sorted(environment.own("m_days"))] == [34, 35]


def test_a_reset_seeds_outputs_from_the_base_as_it_is_now(environment: Environment) -> None:
    environment.query(f"CREATE TABLE {environment.base}.m_roi (id int) USING parquet")
    environment.query(f"INSERT INTO {environment.base}.m_roi VALUES (1)")
    uses = "{write: {m_roi: {seed: all}}}"
    environment.provision(uses)
    environment.query(f"INSERT INTO {environment.target}.m_roi VALUES (99)")
    environment.query(f"INSERT INTO {environment.base}.m_roi VALUES (2)")

    environment.provision(uses)
    kept = environment.own("m_roi")
    environment.provision(uses, reset=True)

    assert kept == [(1,), (99,)]
    assert environment.own("m_roi") == [(1,), (2,)]


def test_the_pipelines_own_tables_and_views_outlive_commits_that_do_not_name_them(environment: Environment) -> None:
    environment.query(f"CREATE TABLE {environment.base}.m_a (id int) USING parquet")
    environment.provision("{read: [m_a]}")
    environment.query(f"CREATE TABLE {environment.target}.scratch (id int) USING parquet")
    environment.query(f"CREATE VIEW {environment.target}.dbt_model AS SELECT 1 AS id")

    environment.provision("{}")

    assert environment.kinds() == {"scratch": "table", "dbt_model": "view"}


def test_what_the_base_dropped_and_added_is_followed(environment: Environment) -> None:
    for table in ("m_a", "m_b"):
        environment.query(f"CREATE TABLE {environment.base}.{table} (id int) USING parquet")
    environment.provision('{read: ["m_*", m_a]}')
    environment.query(f"DROP TABLE {environment.base}.m_a")
    environment.query(f"CREATE TABLE {environment.base}.m_c (id int) USING parquet")

    with pytest.raises(InvalidPipelineError, match="has no m_a"):
        environment.plan('{read: ["m_*", m_a]}')
    plan = environment.provision('{read: ["m_*", m_a]}', judgement=Judgement(lenient=True))

    assert environment.kinds() == {"m_b": "view", "m_c": "view"}
    assert "has no m_a" in "".join(plan.warnings)


def test_a_history_of_commits_converges_and_leaves_the_base_as_it_was(environment: Environment) -> None:
    for table in ("m_a", "m_b"):
        environment.query(f"CREATE TABLE {environment.base}.{table} (id int, email string) USING parquet")
        environment.query(f"INSERT INTO {environment.base}.{table} VALUES (1, 'x@acme.org')")
    before = environment.query(f"SELECT * FROM {environment.base}.m_a")

    for uses in (
        "{read: all}",
        "{write: {m_a: {seed: all}}}",
        "{read: [m_a], write: {m_b: {}}}",
        "{read: all, mask: {m_b: {email: null}}}",
        "{write: {m_a: {seed: 'id = 1'}, m_b: {seed: all}}, mask: {m_b: {email: x}}}",
        "{}",
    ):
        environment.provision(uses)

    assert environment.query(f"SELECT * FROM {environment.base}.m_a") == before
    environment.data.remove()
    assert environment.warehouse.schemas([environment.target]) == {}


def test_a_mask_that_the_type_cannot_hold_is_told_before_anything_is_made(environment: Environment) -> None:
    make_every_type(environment)

    with pytest.raises(InvalidPipelineError) as raised:
        environment.provision("{read: all, mask: {m_people: {da: redacted, ti: 300, bin: hash, nothing: null}}}")

    key = f"dagbranch.yaml: data.schemas.{environment.schema}.mask.m_people"
    assert [line.split(": ")[1] for line in str(raised.value).splitlines()] == [
        f"{key.split(': ')[1]}.{column}" for column in ("da", "ti", "bin", "nothing")
    ]
    assert environment.warehouse.schemas([environment.target]) == {}


def test_a_seed_that_fails_leaves_an_empty_table_that_the_next_commit_fills(environment: Environment) -> None:
    environment.query(f"CREATE TABLE {environment.base}.m_roi (id int) USING parquet")
    environment.query(f"INSERT INTO {environment.base}.m_roi VALUES (1)")

    with pytest.raises(UpstreamError, match="no_such_column"):
        environment.provision("{write: {m_roi: {seed: 'no_such_column = 1'}}}")
    environment.provision("{write: {m_roi: {seed: 'id = 1'}}}")

    assert environment.own("m_roi") == [(1,)]
