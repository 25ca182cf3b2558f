from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from dagbranch.domain.data_plan import (
    Base,
    DataPlan,
    ExistingSchema,
    Kind,
    plan_data_environment,
    plan_removal,
)
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.specification import DataSpecification
from dagbranch.errors import InvalidPipelineError, NotOursError

SOURCE, TARGET = "db_attribution_test", "db_attribution_feature1"
MARKER = SchemaMarker("feature1", "acme/pipelines", 1, SOURCE)
BASE: Base = {SOURCE: {"m_events": "table", "m_roi": "table", "v_costs": "view"}}

UNHURRIED = settings(deadline=None, max_examples=50)


def declare(uses: Mapping[str, Any], *, source_suffix: str = "_test") -> DataSpecification:
    written = {"read": tuple(uses.get("read", ())), "write": uses.get("write", {})}
    catalog = {"catalog": uses["catalog"]} if "catalog" in uses else {}
    return DataSpecification.model_validate(
        {"source_suffix": source_suffix, "schemas": {"db_attribution": {**written, **catalog}}}
    )


def plan(
    uses: Mapping[str, Any] | DataSpecification,
    *,
    base: Base = BASE,
    existing: Mapping[str, ExistingSchema] | None = None,
    environment: str = "feature1",
    table_suffix: str = "_{environment}",
) -> DataPlan:
    return plan_data_environment(
        uses if isinstance(uses, DataSpecification) else declare(uses),
        environment=environment,
        repository="acme/pipelines",
        pull_number=1,
        table_suffix=table_suffix,
        base=base,
        existing=existing or {},
    )


def sql(found: DataPlan) -> list[str]:
    return [statement.sql for statement in found.everything()]


@dataclass
class Table:
    kind: Kind
    rows: list[str] = field(default_factory=list)
    note: str | None = None
    shows: str = ""


@dataclass
class Schema:
    comment: str | None = None
    tables: dict[str, Table] = field(default_factory=dict)


class Warehouse:
    """A model of what Spark was seen to do: a statement that does not fit what stands there fails."""

    def __init__(self, base: Base) -> None:
        self.schemas = {
            name: Schema(None, {table: Table(kind, [f"{name}.{table}"]) for table, kind in tables.items()})
            for name, tables in base.items()
        }

    def base(self) -> Base:
        return {name: {t: table.kind for t, table in schema.tables.items()} for name, schema in self.schemas.items()}

    def existing(self) -> dict[str, ExistingSchema]:
        return {
            name: ExistingSchema(
                schema.comment,
                {table: found.kind for table, found in schema.tables.items()},
                {table: found.note for table, found in schema.tables.items() if found.note},
            )
            for name, schema in self.schemas.items()
            if not name.endswith(("_test", "_live"))
        }

    def run(self, found: DataPlan) -> None:
        for statement in found.everything():
            found.fence.check(statement)
            self.apply(sqlglot.parse_one(statement.sql, dialect="databricks"))

    def apply(self, tree: exp.Expr) -> None:
        target = tree.args["tables"][0] if isinstance(tree, exp.Drop) else tree.this
        match tree, tree.args.get("kind"):
            case exp.Create(), "SCHEMA":
                assert target.db not in self.schemas
                self.schemas[target.db] = Schema(self._text(tree))
            case exp.Comment(), "SCHEMA":
                self.schemas[target.name].comment = self._text(tree)
            case exp.Drop(), "SCHEMA":
                del self.schemas[target.db]
            case exp.Create(), kind:
                self._create(tree, target, "view" if kind == "VIEW" else "table")
            case exp.Drop(), kind:
                assert self.schemas[target.db].tables.pop(target.name).kind == str(kind).lower()
            case exp.Insert(), _:
                self._insert(tree, target)
            case exp.Alter(), _:
                self._table(target, "table").note = self._note(tree)

    def _create(self, tree: exp.Expr, target: exp.Table, kind: Kind) -> None:
        tables = self.schemas[target.db].tables
        if tree.args.get("replace"):
            assert tables[target.name].kind == "view"
        else:
            assert target.name not in tables
        source = next(found for found in tree.find_all(exp.Table) if found is not target)
        self._table(source)
        note = self._note(tree) if kind == "table" else None
        tables[target.name] = Table(kind, [], note, f"{source.db}.{source.name}" if kind == "view" else "")

    def _insert(self, tree: exp.Expr, target: exp.Table) -> None:
        source = tree.expression.find(exp.Table)
        self._table(target, "table").rows = list(self._table(source).rows)

    def _table(self, name: exp.Table, kind: Kind | None = None) -> Table:
        found = self.schemas[name.db].tables[name.name]
        assert kind in {None, found.kind}
        return found

    @staticmethod
    def _text(tree: exp.Expr) -> str:
        literal = tree.find(exp.Literal)
        assert literal is not None
        return str(literal.this)

    @staticmethod
    def _note(tree: exp.Expr) -> str:
        return next(str(p.args["value"].name) for p in tree.find_all(exp.Property) if type(p) is exp.Property)


names = st.sampled_from(["m_a", "m_b", "n_c", "n_d", "n_e"])
bases = st.dictionaries(names, st.sampled_from(["table", "view"]), min_size=1).map(lambda tables: {SOURCE: tables})


@st.composite
def declarations(draw: st.DrawFn, base: Base) -> DataSpecification:
    tables = sorted(name for name, kind in base[SOURCE].items() if kind == "table")
    writable = st.sampled_from(tables) if tables else st.nothing()
    seed = st.sampled_from([{}, {"seed": "all"}, {"seed": "date > '2026-01-01'"}])
    patterns = ["*", "m_*"] if any(name.startswith("m_") for name in base[SOURCE]) else ["*"]
    return declare(
        {
            "read": draw(st.lists(st.sampled_from([*sorted(base[SOURCE]), *patterns]), max_size=3)),
            "write": draw(st.dictionaries(writable, seed, max_size=3)) if tables else {},
        }
    )


def wanted_kinds(declared: DataSpecification, base: Base) -> dict[str, Kind]:
    schema = declared.schemas["db_attribution"]
    prefixes = [name.removesuffix("*") for name in schema.read if name.endswith("*")]
    read = {n for n in base[SOURCE] if n in schema.read or any(n.startswith(prefix) for prefix in prefixes)}
    return {**dict.fromkeys(sorted(read), "view"), **dict.fromkeys(schema.write, "table")}


@UNHURRIED
@given(data=st.data(), base=bases)
def test_any_history_of_declarations_converges_and_touches_nothing_else(data: st.DataObject, base: Base) -> None:
    warehouse = Warehouse({**base, "db_other": {"t": "table"}})
    untouched = {name: copy.deepcopy(warehouse.schemas[name]) for name in (SOURCE, "db_other")}

    for _ in range(data.draw(st.integers(1, 4))):
        declared = data.draw(declarations(base))
        warehouse.run(plan(declared, base=base, existing=warehouse.existing()))

        kinds = {name: table.kind for name, table in warehouse.schemas[TARGET].tables.items()}
        assert kinds == wanted_kinds(declared, base)
        assert sql(plan(declared, base=base, existing=warehouse.existing())) == []

    assert {name: warehouse.schemas[name] for name in untouched} == untouched
    removal = plan_removal(warehouse.existing(), environment="feature1", repository="acme/pipelines", pull_number=1)
    for statement in removal.statements:
        removal.fence.check(statement)
        warehouse.apply(sqlglot.parse_one(statement.sql, dialect="databricks"))
    assert warehouse.schemas == untouched


@UNHURRIED
@given(data=st.data(), base=bases)
def test_an_output_table_that_stays_one_keeps_its_rows(data: st.DataObject, base: Base) -> None:
    warehouse = Warehouse(base)
    outputs: set[str] = set()

    for _ in range(4):
        declared = data.draw(declarations(base))
        kept = outputs & set(declared.schemas["db_attribution"].write)
        warehouse.run(plan(declared, base=base, existing=warehouse.existing()))

        tables = warehouse.schemas[TARGET].tables
        assert all("written by the pipeline" in tables[name].rows for name in kept)
        outputs = set(declared.schemas["db_attribution"].write)
        for name in outputs - kept:
            tables[name].rows.append("written by the pipeline")


@UNHURRIED
@given(data=st.data(), base=bases, broken=st.integers(0, 30))
def test_a_run_that_broke_off_anywhere_is_gone_on_with(data: st.DataObject, base: Base, broken: int) -> None:
    declared = data.draw(declarations(base))
    whole, cut = Warehouse(base), Warehouse(base)
    whole.run(plan(declared, base=base))

    first = plan(declared, base=base)
    for statement in first.everything()[:broken]:
        cut.apply(sqlglot.parse_one(statement.sql, dialect="databricks"))
    cut.run(plan(declared, base=base, existing=cut.existing()))

    assert cut.schemas == whole.schemas


def test_schemas_come_first_then_views_then_tables_and_seeds_are_apart() -> None:
    found = plan({"read": ["*"], "write": {"m_roi": {"seed": "date BETWEEN \"2026-01-01\" AND '2026-01-31'"}}})

    assert [statement.sql for statement in found.statements] == [
        f"CREATE SCHEMA `{TARGET}` COMMENT '{MARKER}'",
        f"CREATE VIEW `{TARGET}`.`m_events` AS SELECT * FROM `{SOURCE}`.`m_events`",
        f"CREATE VIEW `{TARGET}`.`v_costs` AS SELECT * FROM `{SOURCE}`.`v_costs`",
        f"CREATE TABLE `{TARGET}`.`m_roi` LIKE `{SOURCE}`.`m_roi` TBLPROPERTIES ('dagbranch.seed'='pending')",
    ]
    (seed,) = found.seeds
    assert seed.statements[0].sql == (
        f"INSERT OVERWRITE TABLE `{TARGET}`.`m_roi` SELECT * FROM `{SOURCE}`.`m_roi` "
        "WHERE `date` BETWEEN '2026-01-01' AND '2026-01-31'"
    )
    assert found.schemas == {"db_attribution": TARGET}
    assert found.targets == (TARGET,)


def test_statements_tell_what_they_write_and_read() -> None:
    found = plan({"read": ["m_events"]})

    assert [(statement.writes, statement.reads) for statement in found.statements] == [
        ((TARGET,), ()),
        ((f"{TARGET}.m_events",), (f"{SOURCE}.m_events",)),
    ]


def test_a_catalog_is_the_first_part_of_every_name() -> None:
    base: Base = {f"marketing.{SOURCE}": BASE[SOURCE]}

    found = plan({"catalog": "Marketing", "read": ["m_events"]}, base=base)

    assert found.targets == (f"marketing.{TARGET}",)
    assert f"CREATE VIEW `marketing`.`{TARGET}`.`m_events` AS SELECT * FROM `marketing`.`{SOURCE}`.`m_events`" in sql(
        found
    )
    assert found.schemas == {"db_attribution": TARGET}


def test_names_are_compared_without_their_case() -> None:
    existing = {TARGET: ExistingSchema(str(MARKER), {"m_events": "view", "m_roi": "table"}, {"m_roi": "none"})}

    assert sql(plan({"read": ["M_Events"], "write": {"M_ROI": {}}}, existing=existing)) == []


def test_a_table_of_the_pipelines_own_is_left_alone_and_one_of_ours_is_dropped() -> None:
    tables: dict[str, Kind] = {"scratch": "table", "m_roi": "table"}
    existing = {TARGET: ExistingSchema(str(MARKER), tables, {"m_roi": "done 0123"})}

    assert sql(plan({}, existing=existing)) == [f"DROP TABLE `{TARGET}`.`m_roi`"]


def test_a_table_that_the_pipeline_replaced_is_not_seeded_again() -> None:
    existing = {TARGET: ExistingSchema(str(MARKER), {"m_roi": "table"})}

    assert sql(plan({"write": {"m_roi": {"seed": "all"}}}, existing=existing)) == []


def test_a_seed_that_is_declared_later_does_not_overwrite_what_the_pipeline_wrote() -> None:
    existing = {TARGET: ExistingSchema(str(MARKER), {"m_roi": "table"}, {"m_roi": "none"})}

    assert sql(plan({"write": {"m_roi": {"seed": "all"}}}, existing=existing)) == []


def test_a_seed_that_is_no_longer_wanted_is_not_done_later() -> None:
    existing = {TARGET: ExistingSchema(str(MARKER), {"m_roi": "table"}, {"m_roi": "pending"})}

    assert sql(plan({"write": {"m_roi": {}}}, existing=existing)) == [
        f"ALTER TABLE `{TARGET}`.`m_roi` SET TBLPROPERTIES ('dagbranch.seed'='none')"
    ]


def test_views_are_made_anew_where_the_source_is_another_and_the_marker_follows_last() -> None:
    base: Base = {"db_attribution_live": BASE[SOURCE]}
    existing = {TARGET: ExistingSchema(str(MARKER), {"m_events": "view", "m_roi": "table"}, {"m_roi": "none"})}

    found = plan(
        declare({"read": ["m_events"], "write": {"m_roi": {}}}, source_suffix="_live"), base=base, existing=existing
    )

    assert (
        sql(found)[0]
        == f"CREATE OR REPLACE VIEW `{TARGET}`.`m_events` AS SELECT * FROM `db_attribution_live`.`m_events`"
    )
    assert sql(found)[1].startswith(f"COMMENT ON SCHEMA `{TARGET}`")
    assert len(sql(found)) == 2


def test_schemas_of_an_earlier_commit_go_when_they_are_ours() -> None:
    existing = {
        "db_old_feature1": ExistingSchema(str(MARKER), {"t": "table"}),
        "db_strange_feature1": ExistingSchema(None),
        SOURCE: ExistingSchema(str(MARKER)),
    }

    assert sql(plan({"read": ["m_events"]}, existing=existing))[1] == "DROP SCHEMA `db_old_feature1` CASCADE"
    assert len(sql(plan({"read": ["m_events"]}, existing=existing))) == 3


@pytest.mark.parametrize(
    "comment",
    [
        None,
        "",
        "ours",
        '{"dagbranch": 2}',
        str(SchemaMarker("feature2", "acme/pipelines", 1)),
        str(SchemaMarker("feature1", "acme/other", 1)),
        str(SchemaMarker("feature1", "acme/pipelines", 2)),
    ],
)
def test_a_schema_that_is_not_of_this_environment_is_never_touched(comment: str | None) -> None:
    existing = {TARGET: ExistingSchema(comment, {"m_events": "view"})}

    with pytest.raises(NotOursError, match=TARGET):
        plan({"read": ["m_events"]}, existing=existing)
    removal = plan_removal(existing, environment="feature1", repository="acme/pipelines", pull_number=1)
    assert (removal.statements, removal.not_ours) == ((), (TARGET,))


def test_everything_that_the_base_lacks_is_told_at_once_with_its_key() -> None:
    with pytest.raises(InvalidPipelineError) as raised:
        plan({"read": ["m_events", "m_none", "x_*"], "write": {"v_costs": {}, "m_new": {}}})

    key = "dagbranch.yaml: data.schemas.db_attribution"
    assert str(raised.value).splitlines() == [
        f"{key}.write.v_costs: db_attribution_test.v_costs is a view: a written table is made like a table of the base",
        f"{key}.write.m_new: db_attribution_test has no m_new: a written table is made like a table of the base",
        f"{key}.read: db_attribution_test has no m_none",
        f"{key}.read: db_attribution_test has no x_*",
    ]


def test_a_base_without_the_schema_is_told() -> None:
    with pytest.raises(InvalidPipelineError, match="the base has no schema db_attribution_test"):
        plan({"read": ["*"]}, base={})


def test_an_environment_never_writes_where_its_data_comes_from() -> None:
    with pytest.raises(InvalidPipelineError, match="a source of the data"):
        plan({"read": ["*"]}, environment="test")
