from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dagbranch.domain.access import Access
from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.data_plan import (
    DataPlan,
    access_of,
    masked_sources,
    plan_data_environment,
    plan_removal,
    tables_to_describe,
    views_to_compare,
)
from dagbranch.domain.data_specification import DataSpecification, WrittenTable
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.source_allowance import SourceAllowance
from dagbranch.domain.wanted_data import Judgement, WantedSchema
from dagbranch.domain.warehouse_state import FoundSchema, Grant, Kind, TableDetails
from dagbranch.errors import InvalidPipelineError, NotOursError
from tests.unit.domain.data_environment import SUFFIX, declare

SOURCE, TARGET = "db_attribution_test", "db_attribution_feature1"
MARKER = SchemaMarker("feature1", "acme/pipelines", 1, SOURCE)
BASE_TABLES: dict[str, Kind] = {"m_events": "table", "m_roi": "table", "v_costs": "view"}
BASE = {SOURCE: FoundSchema(None, BASE_TABLES)}
NOTED = "TBLPROPERTIES ('dagbranch.view'='ours')"
COLUMNS = TableDetails({"id": "int", "email": "string"})


def plan(
    uses: Mapping[str, Any] | DataSpecification,
    *,
    found: Mapping[str, FoundSchema] | None = None,
    details: Mapping[str, TableDetails] | None = None,
    environment: str = "feature1",
    **how: Any,
) -> DataPlan:
    return plan_data_environment(
        uses if isinstance(uses, DataSpecification) else declare(uses),
        environment=environment,
        repository="acme/pipelines",
        pull_number=1,
        table_suffix=SUFFIX,
        found=BASE | dict(found or {}),
        knowledge=Knowledge(details or {}),
        **how,
    )


def sql(found: DataPlan) -> list[str]:
    return [statement.sql for statement in found.everything()]


def ours(tables: Mapping[str, Kind], marker: SchemaMarker = MARKER) -> dict[str, FoundSchema]:
    return {TARGET: FoundSchema(str(marker), tables)}


def noted(**notes: str) -> dict[str, TableDetails]:
    """The environment's tables, with what the property says of their seeds."""
    return {f"{TARGET}.{name}": TableDetails(properties={"dagbranch.seed": note}) for name, note in notes.items()}


def test_schemas_come_first_then_views_and_tables_and_seeds_are_apart() -> None:
    found = plan({"read": ["*"], "write": {"m_roi": {"seed": "date BETWEEN \"2026-01-01\" AND '2026-01-31'"}}})

    (seed,) = found.seeds
    assert [[statement.sql for statement in phase] for phase in found.phases] == [
        [f"CREATE SCHEMA `{TARGET}` COMMENT '{MARKER}'"],
        [
            f"CREATE VIEW `{TARGET}`.`m_events` WITH SCHEMA EVOLUTION {NOTED} AS SELECT * FROM `{SOURCE}`.`m_events`",
            f"CREATE VIEW `{TARGET}`.`v_costs` WITH SCHEMA EVOLUTION {NOTED} AS SELECT * FROM `{SOURCE}`.`v_costs`",
            (
                f"CREATE TABLE `{TARGET}`.`m_roi` LIKE `{SOURCE}`.`m_roi` "
                f"TBLPROPERTIES ('dagbranch.seed'='{seed.pending_note}')"
            ),
        ],
    ]
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


def test_a_table_that_is_seeded_whole_is_cloned_and_filled_where_that_is_not_known() -> None:
    found = plan({"write": {"m_roi": {"seed": "all"}}})

    (seed,) = found.seeds
    clone = found.statements[1]
    assert clone.sql == (
        f"CREATE TABLE `{TARGET}`.`m_roi` SHALLOW CLONE `{SOURCE}`.`m_roi` "
        f"TBLPROPERTIES ('dagbranch.seed'='{seed.done_note}')"
    )
    assert [other.sql for other in clone.otherwise] == [
        (
            f"CREATE TABLE `{TARGET}`.`m_roi` LIKE `{SOURCE}`.`m_roi` "
            f"TBLPROPERTIES ('dagbranch.seed'='{seed.pending_note}')"
        )
    ]
    assert seed.is_cloned
    assert found.everything() == found.statements


@pytest.mark.parametrize(
    ("uses", "other", "details"),
    [
        ({"write": {"m_roi": {"seed": "all"}}}, {"clone": "never"}, TableDetails()),
        ({"write": {"m_roi": {"seed": "id = 1"}}}, {}, TableDetails()),
        ({"write": {"m_roi": {"seed": "all"}}, "mask": {"m_roi": {"email": None}}}, {}, COLUMNS),
        ({"write": {"m_roi": {"seed": "all"}}, "mask": {"m_roi": {"email": "keep"}}}, {}, COLUMNS),
    ],
    ids=["never", "condition", "mask", "mask that keeps"],
)
def test_a_table_is_not_cloned_where_a_mask_or_a_condition_applies_or_nobody_wants_it(
    uses: dict[str, Any], other: dict[str, Any], details: TableDetails
) -> None:
    found = plan(declare(uses, **other), details={f"{SOURCE}.m_roi": details})

    assert " LIKE " in found.statements[1].sql
    assert [len(seed.statements) for seed in found.seeds] == [2]
    assert len(found.everything()) == len(found.statements) + 2


def test_a_catalog_is_the_first_part_of_every_name() -> None:
    found = plan(
        {"catalog": "Marketing", "read": ["m_events"]}, found={f"marketing.{SOURCE}": FoundSchema(None, BASE_TABLES)}
    )

    assert found.targets == (f"marketing.{TARGET}",)
    assert found.statements[1].reads == (f"marketing.{SOURCE}.m_events",)
    assert found.schemas == {"db_attribution": TARGET}


def test_names_are_compared_without_their_case() -> None:
    stands = ours({"m_events": "view", "m_roi": "table"})

    assert sql(plan({"read": ["M_Events"], "write": {"M_ROI": {}}}, found=stands, details=noted(m_roi="none"))) == []


def test_tables_and_views_of_the_pipelines_own_are_left_alone_and_those_of_ours_are_dropped() -> None:
    stands = ours({"scratch": "table", "dbt_model": "view", "m_roi": "table", "m_events": "view"})
    details = noted(m_roi="done 0123") | {
        f"{TARGET}.scratch": TableDetails(),
        f"{TARGET}.dbt_model": TableDetails(),
        f"{TARGET}.m_events": TableDetails(properties={"dagbranch.view": "ours"}),
    }

    assert sql(plan({}, found=stands, details=details)) == [
        f"DROP VIEW `{TARGET}`.`m_events`",
        f"DROP TABLE `{TARGET}`.`m_roi`",
    ]


@pytest.mark.parametrize("note", [{}, noted(m_roi="none"), noted(m_roi="done 0123")])
def test_what_the_pipeline_wrote_is_not_seeded_over(note: dict[str, TableDetails]) -> None:
    assert sql(plan({"write": {"m_roi": {"seed": "all"}}}, found=ours({"m_roi": "table"}), details=note)) == []


def test_a_seed_that_is_no_longer_wanted_leaves_no_row_of_it() -> None:
    found = plan({"write": {"m_roi": {}}}, found=ours({"m_roi": "table"}), details=noted(m_roi="pending 0123"))

    assert sql(found) == [
        f"DROP TABLE `{TARGET}`.`m_roi`",
        f"CREATE TABLE `{TARGET}`.`m_roi` LIKE `{SOURCE}`.`m_roi` TBLPROPERTIES ('dagbranch.seed'='none')",
    ]
    assert found.warnings == (f"{TARGET}.m_roi is made anew: its seed was not done yet, or its masks are others now",)


def test_a_seed_that_was_cut_off_is_gone_on_with() -> None:
    declared = declare({"write": {"m_roi": {"seed": "id > 1"}}})
    (seed,) = plan(declared).seeds

    found = plan(declared, found=ours({"m_roi": "table"}), details=noted(m_roi=seed.pending_note))

    assert (found.statements, found.seeds) == ((), (seed,))


def test_a_view_becomes_a_table_and_a_table_a_view() -> None:
    stands = ours({"m_roi": "view", "m_events": "table"})

    found = plan({"read": ["m_events"], "write": {"m_roi": {}}}, found=stands)

    assert [[statement.sql.split("`")[0] for statement in phase] for phase in found.phases] == [
        ["DROP TABLE ", "DROP VIEW "],
        ["CREATE VIEW ", "CREATE TABLE "],
    ]


def test_views_are_noted_as_unsure_before_they_are_made_anew_of_another_source() -> None:
    found = plan(
        declare({"read": ["m_events"], "write": {"m_roi": {}}}, source_suffix="_live"),
        found={"db_attribution_live": FoundSchema(None, BASE_TABLES), **ours({"m_events": "view", "m_roi": "table"})},
        details=noted(m_roi="none"),
    )

    (unsure,), (view,), (done,) = found.phases
    assert '"source": "?"' in unsure.sql
    assert view.sql.startswith(f"CREATE OR REPLACE VIEW `{TARGET}`.`m_events`")
    assert view.reads == ("db_attribution_live.m_events",)
    assert '"source": "db_attribution_live"' in done.sql


def test_a_run_that_broke_off_is_not_noted_as_unsure_twice() -> None:
    stands = ours({"m_events": "view"}, SchemaMarker("feature1", "acme/pipelines", 1, "?"))

    found = plan({"read": ["m_events"]}, found=stands)

    assert [statement.sql.split("`")[0] for statement in found.statements] == [
        "CREATE OR REPLACE VIEW ",
        "COMMENT ON SCHEMA ",
    ]


def test_schemas_of_an_earlier_commit_go_when_they_are_ours() -> None:
    found = {
        "db_old_feature1": FoundSchema(str(MARKER), {"t": "table"}),
        "db_strange_feature1": FoundSchema(None),
        SOURCE: FoundSchema(str(MARKER), BASE_TABLES),
    }

    made = sql(plan({"read": ["m_events"]}, found=found))

    assert made[1] == "DROP SCHEMA `db_old_feature1` CASCADE"
    assert len(made) == 3


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
    found = {TARGET: FoundSchema(comment, {"m_events": "view"})}

    with pytest.raises(NotOursError, match=f"{TARGET} exists and is not this environment's"):
        plan({"read": ["m_events"]}, found=found)
    removal = plan_removal(found, environment="feature1", repository="acme/pipelines", pull_number=1)
    assert (removal.statements, removal.not_ours) == ((), (TARGET,))


def test_whose_a_schema_is_is_told() -> None:
    other = SchemaMarker("feature1_2", "acme/other", 7)

    with pytest.raises(NotOursError, match=r"\(acme/other, pull request 7, environment feature1_2\)"):
        plan({"read": ["m_events"]}, found={TARGET: FoundSchema(str(other))})
    with pytest.raises(NotOursError, match="nobody's by its comment"):
        plan({"read": ["m_events"]}, found={TARGET: FoundSchema("mine")})


def test_an_environment_never_writes_where_its_data_comes_from() -> None:
    with pytest.raises(InvalidPipelineError, match="a source of the data"):
        plan({"read": ["*"]}, environment="test")


def test_a_source_that_the_stack_does_not_allow_is_refused_before_anything_is_planned() -> None:
    judgement = Judgement(allowed=SourceAllowance(frozenset(), frozenset({"_sandbox"})))

    with pytest.raises(InvalidPipelineError, match=r"reads db_attribution_test: source_suffix: expected _sandbox"):
        plan({"read": ["*"]}, judgement=judgement)


def test_a_reset_makes_every_table_anew_and_leaves_the_views() -> None:
    stands = ours({"m_events": "view", "m_roi": "table", "scratch": "table"})

    found = plan(
        {"read": ["m_events"], "write": {"m_roi": {"seed": "id = 1"}}},
        found=stands,
        details=noted(m_roi="done 0123"),
        reset=True,
    )

    assert [statement.sql.split(" LIKE")[0] for statement in found.statements] == [
        f"DROP TABLE `{TARGET}`.`m_roi`",
        f"DROP TABLE `{TARGET}`.`scratch`",
        f"CREATE TABLE `{TARGET}`.`m_roi`",
    ]
    assert len(found.seeds) == 1
    assert found.warnings == ()


def test_what_the_base_has_lost_is_left_as_it_is_with_a_warning_when_the_base_is_followed() -> None:
    declared = declare(
        {
            "read": ["m_events", "m_gone"],
            "write": {"m_lost": {"seed": "all"}, "m_new": {}},
            "mask": {"m_events": {"phone": None}},
        }
    )
    stands = ours({"m_gone": "view", "m_lost": "table"})
    details = noted(m_lost="done 0123") | {
        f"{TARGET}.m_gone": TableDetails(properties={"dagbranch.view": "ours"}),
        f"{SOURCE}.m_events": COLUMNS,
    }

    with pytest.raises(InvalidPipelineError):
        plan(declared, found=stands, details=details)
    for reset in (False, True):
        found = plan(declared, found=stands, details=details, judgement=Judgement(lenient=True), reset=reset)

        drops = [statement for statement in found.statements if statement.sql.startswith("DROP")]
        assert [statement.writes for statement in drops] == [(f"{TARGET}.m_gone",)]
        assert not [each for each in found.statements if each.sql.startswith("CREATE TABLE")]
        assert found.seeds == ()
        assert len(found.warnings) == 4


def test_every_fault_of_all_schemas_is_told_at_once() -> None:
    declared = declare(
        {
            "read": ["m_events"],
            "write": {"m_roi": {"seed": "email = 'x'"}},
            "mask": {"m_events": {"phone": None}, "m_roi": {"email": "hash"}},
        }
    )
    details = {
        f"{SOURCE}.m_events": COLUMNS,
        f"{SOURCE}.m_roi": TableDetails({"id": "int", "email": "string"}, has_row_filter=True),
    }

    with pytest.raises(InvalidPipelineError) as raised:
        plan(declared, details=details)

    key = "dagbranch.yaml: data.schemas.db_attribution"
    assert str(raised.value).splitlines() == [
        f"{key}.write.m_roi.seed: email is masked: a condition on it would tell what the mask hides",
        (
            f"{key}.write.m_roi.seed: {SOURCE}.m_roi has a row filter of its own: mask the table, or name it under "
            "unprotected, on the default branch"
        ),
        f"{key}.mask.m_events.phone: {SOURCE}.m_events: there is no column phone: expected one of id, email",
    ]


def test_a_masked_table_whose_columns_are_not_known_is_not_shown() -> None:
    with pytest.raises(
        InvalidPipelineError, match=r"mask\.m_events: the columns of db_attribution_test\.m_events are not"
    ):
        plan({"read": ["m_events"], "mask": {"m_events": {"email": None}}})


def test_revokes_go_before_the_views_and_grants_after_them() -> None:
    guard = DataGuard("_test", {}, readers=("analysts",), writers=("airflow",))
    granted = {TARGET: {Grant("guest", "SELECT")}}

    found = plan(
        {"read": ["m_events"]},
        found=ours({}),
        judgement=Judgement(guard),
        stack_access=Access(("auditors",)),
        granted=granted,
    )

    revokes, views, grants = found.phases
    assert [statement.sql.split(" ")[0] for statement in (*revokes, *views)] == ["REVOKE", "CREATE"]
    assert [statement.sql.split("`")[-2] for statement in grants] == ["airflow", "analysts", "auditors"]


def test_nobody_is_granted_or_taken_anything_where_access_is_not_dagbranchs_affair() -> None:
    judgement = Judgement(DataGuard("_test", {}, readers=("analysts",)))

    assert len(plan({"read": ["m_events"]}, judgement=judgement).statements) == 2


def test_a_pull_request_lets_nobody_in_and_is_told_so() -> None:
    guard = DataGuard("_test", {}, readers=("analysts", "auditors"), writers=("airflow",))
    declared = declare({"read": ["m_events"]}, grants={"readers": ("analysts", "intruder"), "writers": ()})

    access = access_of(declared, Judgement(guard), Access(writers=("mwaa",)))
    found = plan(declared, judgement=Judgement(guard), granted={})

    assert access == Access(("analysts",), ("mwaa",))
    assert found.warnings == (
        "dagbranch.yaml: data.grants.readers: intruder: the default branch does not name it: left out",
    )


def wanted(**other: Any) -> WantedSchema:
    pair = SchemaPair("db_attribution", SOURCE, TARGET)
    tables = {"m_roi": WrittenTable(seed="all"), "m_model": WrittenTable()}
    return WantedSchema(pair, ("m_events", "v_costs"), tables, **other)


def test_what_is_masked_or_seeded_and_what_stands_is_described_and_one_view() -> None:
    stands = ours({"m_roi": "table", "scratch": "table", "m_events": "view", "v_costs": "view", "theirs": "view"})

    names = tables_to_describe([wanted(masks={"m_events": {"email": None}})], BASE | stands)

    assert names == {
        f"{SOURCE}.m_events",
        f"{SOURCE}.m_roi",
        f"{TARGET}.m_roi",
        f"{TARGET}.scratch",
        f"{TARGET}.theirs",
        f"{TARGET}.v_costs",
    }


def test_views_are_compared_only_where_the_warehouse_cannot_follow() -> None:
    stands = BASE | ours({"m_events": "view", "v_costs": "view"})

    def compared(*, follows: bool) -> set[str]:
        details = {f"{TARGET}.m_events": TableDetails(follows=follows)}
        return views_to_compare([wanted()], stands, Knowledge(details))

    assert compared(follows=True) == set()
    assert compared(follows=False) == {
        f"{side}.{name}" for side in (SOURCE, TARGET) for name in ("m_events", "v_costs")
    }
    assert views_to_compare([wanted()], BASE, Knowledge()) == set()


def test_masked_sources_are_those_of_the_base() -> None:
    assert masked_sources([wanted(masks={"m_events": {"email": None}}), wanted()]) == {f"{SOURCE}.m_events"}


def test_the_columns_of_masked_tables_are_noted_when_they_are_first_seen() -> None:
    declared = declare({"read": ["m_events"], "mask": {"m_events": {"email": "hash"}}})
    details = {f"{SOURCE}.m_events": TableDetails({"Id": "int", "Email": "string"})}

    assert plan(declared, details=details).seen == {f"{SOURCE}.m_events": frozenset({"id", "email"})}
