"""What has to hold for every history of commits, bases and broken runs."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from dagbranch.domain.access import READ, WRITE, Access
from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.masks import hiding
from dagbranch.domain.source_allowance import SourceAllowance
from dagbranch.domain.wanted_data import Judgement
from dagbranch.domain.warehouse_state import Grant
from dagbranch.errors import InvalidPipelineError, UpstreamError
from tests.fakes.warehouse import InMemoryWarehouse, Table, View, rows_of
from tests.unit.domain.data_environment import DataEnvironment, declare

TARGETS = ("db_attribution_feature1", "db_costs_feature1")
STACK = SourceAllowance(frozenset(), frozenset({"_test", "_live"}))
UNHURRIED = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
DAYS = ["2025-12-31", "2026-01-01", "2026-01-02"]
WRITTEN = {"id": 99, "date": "2026-03-01", "email": "written by the pipeline"}
COLUMNS = {"id": "int", "date": "string", "email": "string"}
EMAILS = "@acme.org"

TABLES = ["m_a", "m_b", "n_c"]
names = st.sampled_from(TABLES)
masks = st.dictionaries(
    st.sampled_from(["email", "id", "*"]), st.sampled_from(["hash", None, "keep"]), min_size=1, max_size=2
)
seeds = st.sampled_from([{}, {"seed": "all"}, {"seed": "date >= '2026-01-01'"}])


@st.composite
def schema_uses(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "read": tuple(draw(st.lists(st.sampled_from([*TABLES, "v_all", "*", "m_*"]), max_size=3))),
        "write": draw(st.dictionaries(names, seeds, max_size=2)),
        "mask": draw(st.dictionaries(names, masks, max_size=2)),
    }


@st.composite
def commits(draw: st.DrawFn) -> DataSpecification:
    schemas = draw(st.dictionaries(st.sampled_from(["db_attribution", "db_costs"]), schema_uses(), min_size=1))
    readers = draw(st.none() | st.just(("Analysts", "intruders")))
    return DataSpecification.model_validate(
        {
            "source_suffix": draw(st.sampled_from(["_test", "_live"])),
            "clone": draw(st.sampled_from(["auto", "never"])),
            "grants": {"readers": readers},
            "schemas": schemas,
        }
    )


guards = st.builds(
    lambda masks: DataGuard("_test", {"db_attribution": masks}, readers=("analysts", "Analysts2")),
    st.dictionaries(names, st.sampled_from([{"email": "hash"}, {"email": None, "*": "hash"}, {"*": None}]), max_size=2),
)


def base() -> InMemoryWarehouse:
    """Two schemas from two sources, and one that is nobody's affair."""
    tables = {
        f"{schema}{suffix}": {name: Table(rows=rows_of(*DAYS)) for name in TABLES}
        for schema in ("db_attribution", "db_costs")
        for suffix in ("_test", "_live")
    }
    warehouse = InMemoryWarehouse({**tables, "db_elsewhere": {"t": "table"}, "db_attribution_feature2": {"t": "table"}})
    for schema in tables:
        warehouse.stands[schema].tables["v_all"] = View(f"{schema}.m_a", exp.select("*").from_("x"), {}, follows=True)
    return warehouse


def outside(warehouse: InMemoryWarehouse) -> dict[str, Any]:
    return {name: copy.deepcopy(schema) for name, schema in warehouse.stands.items() if name not in TARGETS}


def drift(data: st.DataObject, warehouse: InMemoryWarehouse) -> None:
    """One thing of the base changes."""
    tables = warehouse.stands[data.draw(st.sampled_from(["db_attribution_test", "db_costs_live"]))].tables
    name = data.draw(names)
    change = data.draw(st.sampled_from(["drop", "make", "add a column", "lose a column"]))
    table = tables.get(name)
    if change == "make":
        tables.setdefault(name, Table(rows=rows_of(*DAYS)))
    elif isinstance(table, Table) and change == "drop":
        del tables[name]
    elif isinstance(table, Table) and change == "add a column":
        table.columns["phone"] = "string"
        for row in table.rows:
            row["phone"] = f"phone{EMAILS}"
    elif isinstance(table, Table) and change == "lose a column":
        table.columns.pop("id", None)
        for row in table.rows:
            row.pop("id", None)


def kinds_of(declared: DataSpecification, warehouse: InMemoryWarehouse) -> dict[str, dict[str, str]]:
    """What is to stand, told once more and otherwise."""
    found = {}
    for name, schema in declared.schemas.items():
        tables = warehouse.kinds(f"{name}{declared.source_suffix}")
        prefixes = tuple(each.removesuffix("*") for each in schema.read if each.endswith("*"))
        views = {each for each in tables if each in schema.read or (prefixes and each.startswith(prefixes))}
        found[f"{name}_feature1"] = {**dict.fromkeys(views, "view"), **dict.fromkeys(schema.write, "table")}
    return found


def shown(warehouse: InMemoryWarehouse, table: str) -> list[dict[str, Any]]:
    """What a query answers: nothing where it fails."""
    try:
        return warehouse.rows(table)
    except (UpstreamError, KeyError):
        return []


def watch(warehouse: InMemoryWarehouse, guard: DataGuard) -> None:
    """After each statement, nobody sees what the default branch hides."""

    def look() -> None:
        for table, demanded in guard.masks.get("db_attribution", {}).items():
            for row in shown(warehouse, f"{TARGETS[0]}.{table}"):
                hidden = row if "*" in demanded else {"email": row.get("email")}
                assert EMAILS not in str(hidden), f"{table} shows {hidden}"

    warehouse.after_each = look


@UNHURRIED
@given(data=st.data(), guard=guards, knows=st.tuples(st.booleans(), st.booleans()))
def test_any_history_converges_shows_nothing_hidden_and_touches_nothing_else(
    data: st.DataObject, guard: DataGuard, knows: tuple[bool, bool]
) -> None:
    warehouse = base()
    warehouse.knows_clones, warehouse.knows_evolution = knows
    ours, judgement, access = DataEnvironment(warehouse), Judgement(guard, STACK), Access(("auditors",), ("airflow",))
    watch(warehouse, guard)

    for _ in range(data.draw(st.integers(1, 4))):
        declared = data.draw(commits())
        if data.draw(st.booleans()):
            drift(data, warehouse)
        if data.draw(st.booleans()):
            warehouse.failing = {len(warehouse.ran) + data.draw(st.integers(0, 12))}
        reset = data.draw(st.booleans())
        before, ran = outside(warehouse), len(warehouse.ran)
        try:
            ours.provision(declared, judgement, access=access, reset=reset)
        except InvalidPipelineError:
            assert len(warehouse.ran) == ran
            continue
        except UpstreamError:
            assert outside(warehouse) == before
            continue
        finally:
            warehouse.failing.clear()

        assert outside(warehouse) == before
        expected = kinds_of(declared, warehouse)
        assert {name: warehouse.kinds(name) for name in TARGETS if name in warehouse.stands} == expected
        again = ours.plan(declared, judgement, access=access)
        assert ([each.sql for each in again.everything()], again.seeds) == ([], ())
        for name in expected:
            assert warehouse.stands[name].grants == wanted_grants(declared)

    ours.noted |= {"db_attribution_feature2", "db_attribution_test"}
    before = outside(warehouse)
    ours.remove()
    assert dict(warehouse.stands) == before


def wanted_grants(declared: DataSpecification) -> set[Grant]:
    readers = ["auditors", *(["analysts", "Analysts2"] if declared.grants.readers is None else [])]
    return {Grant(name, each) for name in readers for each in READ} | {Grant("airflow", each) for each in WRITE}


@UNHURRIED
@given(data=st.data(), clones=st.booleans())
def test_an_output_that_stays_one_keeps_its_rows_as_long_as_its_masks_stay(
    data: st.DataObject, *, clones: bool
) -> None:
    warehouse = base()
    warehouse.knows_clones = clones
    ours = DataEnvironment(warehouse)
    outputs: dict[str, Any] = {}

    for _ in range(4):
        declared = data.draw(commits())
        try:
            ours.provision(declared)
        except InvalidPipelineError:
            continue
        now = {
            f"{name}_feature1.{table}": hiding(schema.mask.get(table, {}))
            for name, schema in declared.schemas.items()
            for table in schema.write
        }

        for table, hidden in now.items():
            if table in outputs and (outputs[table] == hidden or not hidden):
                assert WRITTEN in warehouse.table(table).rows
            elif WRITTEN not in warehouse.table(table).rows:
                warehouse.table(table).rows.append(dict(WRITTEN))
        outputs = {
            table: outputs[table] if table in outputs and not hidden else hidden for table, hidden in now.items()
        }


@settings(UNHURRIED, max_examples=10)
@given(data=st.data(), cuts=st.lists(st.integers(0, 8), max_size=3), days=st.sampled_from([3, 33]))
def test_a_table_is_seeded_exactly_once_however_often_it_breaks_off(
    data: st.DataObject, cuts: list[int], days: int
) -> None:
    dates = [f"2026-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(days)]
    warehouse = InMemoryWarehouse({"db_attribution_test": {"m_a": Table(rows=rows_of(*dates))}})
    warehouse.knows_clones = data.draw(st.booleans())
    ours = DataEnvironment(warehouse)
    declared = declare({"write": {"m_a": data.draw(seeds.filter(bool))}, "mask": data.draw(st.just({}) | hashed)})

    for cut in cuts:
        warehouse.failing = {len(warehouse.ran) + cut}
        try:
            ours.provision(declared)
        except UpstreamError:
            warehouse.failing.clear()
    warehouse.failing.clear()
    ours.provision(declared)

    filled = warehouse.table("db_attribution_feature1.m_a").rows
    assert sorted(row["date"] for row in filled) == sorted(dates)
    partitions = [sql for sql in warehouse.ran if " PARTITION(" in sql]
    assert len(partitions) == len(set(partitions))
    ran = len(warehouse.ran)
    ours.provision(declared)
    assert len(warehouse.ran) == ran


hashed = st.just({"m_a": {"email": "hash"}})


@UNHURRIED
@given(data=st.data(), first=commits(), second=commits(), cut=st.integers(0, 20))
def test_what_is_hidden_before_and_after_a_commit_is_hidden_at_every_moment_between(
    data: st.DataObject, first: DataSpecification, second: DataSpecification, cut: int
) -> None:
    warehouse = base()
    ours = DataEnvironment(warehouse)
    steps = [first, second, data.draw(st.sampled_from([first, second]))]
    hidden = {
        f"{schema}_feature1.{table}"
        for schema in first.schemas
        for table in TABLES
        if all("email" in hiding(step.schemas[schema].mask.get(table, {})) for step in steps if schema in step.schemas)
    }

    def look() -> None:
        for table in hidden:
            assert EMAILS not in str([row.get("email") for row in shown(warehouse, table)]), table

    warehouse.after_each = look
    for step in steps:
        warehouse.failing = {len(warehouse.ran) + cut} if step is not steps[-1] else set()
        try:
            ours.provision(step)
        except (InvalidPipelineError, UpstreamError):
            continue


@settings(UNHURRIED, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([{}, {"email": "hash"}, {"email": None}, {"email": "keep"}]),
            st.sampled_from(["_test", "_live"]),
            st.integers(1, 4),
        ),
        min_size=1,
        max_size=4,
    ),
    st.tuples(st.sampled_from([{}, {"email": None}]), st.sampled_from(["_test", "_live"])),
)
def test_a_view_shows_what_the_last_commit_says_whatever_broke_off_before(
    broken: list[tuple[dict[str, Any], str, int]], last: tuple[dict[str, Any], str]
) -> None:
    """A run that broke off has changed views that the marker does not tell of."""
    warehouse = InMemoryWarehouse(
        {f"db_attribution{suffix}": {"m_a": Table(rows=rows_of(suffix))} for suffix in ("_test", "_live")}
    )
    ours = DataEnvironment(warehouse)
    ours.provision(reading_with({}, "_test"))

    for masked, suffix, cut in broken:
        warehouse.failing = {len(warehouse.ran) + cut}
        with contextlib.suppress(UpstreamError):
            ours.provision(reading_with(masked, suffix))
    warehouse.failing.clear()
    ours.provision(reading_with(*last))

    (row,) = warehouse.rows(f"{TARGETS[0]}.m_a")
    assert (row["date"], row["email"]) == (last[1], None if last[0] else f"1{EMAILS}")


def reading_with(masked: dict[str, Any], suffix: str) -> DataSpecification:
    return declare({"read": ("m_a",), "mask": {"m_a": masked} if masked else {}}, source_suffix=suffix)
