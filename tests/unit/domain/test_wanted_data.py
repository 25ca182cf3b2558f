from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dagbranch.domain.declared_uses import DeclaredUses
from dagbranch.domain.detection import Detected
from dagbranch.domain.schema_pairs import schema_pairs
from dagbranch.domain.wanted_data import Judgement, WantedSchema, wanted_data, wanted_tables
from dagbranch.domain.warehouse_state import FoundSchema, Kind
from dagbranch.errors import InvalidPipelineError
from tests.unit.domain.data_environment import SUFFIX, declare

KEY = "dagbranch.yaml: data.schemas.db_attribution"
BASE: dict[str, Kind] = {"m_events": "table", "m_roi": "table", "v_costs": "view", "m-odd": "table", "m x": "table"}


def wanted(
    uses: Mapping[str, Any],
    *,
    read: tuple[str, ...] = (),
    written: tuple[str, ...] = (),
    lenient: bool = False,
    base: Mapping[str, Kind] | None = BASE,
    **other: Any,
) -> tuple[WantedSchema, list[str]]:
    declared = declare(uses, **other)
    found = {} if base is None else {"db_attribution_test": FoundSchema(None, base)}
    sql = Detected(
        {f"db_attribution.{name}": ("dags/a.sql:1",) for name in read},
        {f"db_attribution.{name}": ("dags/b.sql:2",) for name in written},
        (),
    )
    judgement = Judgement(uses=DeclaredUses(sql) if read or written else None, lenient=lenient)
    (schema,), warnings = wanted_data(declared, schema_pairs(declared, "feature1", SUFFIX), found, judgement)
    return schema, warnings


def faults(*args: Any, **how: Any) -> list[str]:
    with pytest.raises(InvalidPipelineError) as raised:
        wanted(*args, **how)
    return str(raised.value).splitlines()


def test_what_is_written_is_a_table_and_everything_else_that_is_named_a_view() -> None:
    schema, warnings = wanted({"read": ["M*", "v_costs"], "write": {"M_Roi": {}}})

    assert (schema.views, set(schema.tables)) == (("m-odd", "m_events", "v_costs"), {"m_roi"})
    assert wanted_tables([schema]) == {"db_attribution": {"m-odd", "m_events", "v_costs", "m_roi"}}
    assert warnings == [f"{KEY}.read: db_attribution_test has 'm x', an unsupported name: left out"]


def test_everything_that_the_base_lacks_is_told_at_once_with_its_key() -> None:
    like = "a written table is made like a table of the base; what the pipeline makes itself is not declared"

    assert faults(
        {"read": ["m_events", "m_none", "x_*"], "write": {"v_costs": {}, "m_new": {}}, "mask": {"m_gone": {"a": None}}}
    ) == [
        f"{KEY}.write.v_costs: db_attribution_test has v_costs as a view: {like}",
        f"{KEY}.write.m_new: db_attribution_test has no m_new: {like}",
        f"{KEY}.read: db_attribution_test has no m_none",
        f"{KEY}.read: db_attribution_test has no x_*",
        f"{KEY}.mask.m_gone: db_attribution_test has no m_gone",
    ]
    assert faults({"read": ["*"]}, base=None) == [f"{KEY}: the base has no schema db_attribution_test"]


def test_what_the_base_has_lost_since_is_a_warning_when_it_is_followed() -> None:
    schema, warnings = wanted({"read": ["m_events", "m_none"], "write": {"m_new": {}, "v_costs": {}}}, lenient=True)

    assert (schema.views, set(schema.lost)) == (("m_events",), {"m_new", "v_costs"})
    assert len(warnings) == 3


def test_detected_tables_are_added_and_what_the_file_names_counts_before_them() -> None:
    schema, warnings = wanted(
        {"write": {"m_roi": {"seed": "all"}}},
        read=("m_events", "m_roi", "m_new"),
        written=("m_roi", "m_new"),
        detect="auto",
    )

    assert (schema.views, schema.tables["m_roi"].seed) == (("m_events",), "all")
    assert set(schema.tables) == {"m_roi"}
    assert warnings == []


def test_a_detected_output_of_a_pattern_is_a_table() -> None:
    schema, _ = wanted({"read": ["m*"]}, written=("m_roi",), detect="auto")

    assert (schema.views, set(schema.tables)) == (("m-odd", "m_events"), {"m_roi"})


def test_a_view_that_the_pipeline_makes_itself_is_left_to_it() -> None:
    """A dbt model of the base that is a view, say: nothing may stand in its place."""
    schema, warnings = wanted({"read": ["*"]}, read=("v_costs",), written=("v_costs",), detect="auto")

    assert "v_costs" not in {*schema.views, *schema.tables}
    assert "v_costs" not in str(warnings)


@pytest.mark.parametrize("detect", ["auto", "check"])
def test_what_is_written_though_it_is_named_as_read_is_told_with_its_line(detect: str) -> None:
    assert faults({"read": ["m_roi"]}, written=("m_roi",), detect=detect) == [
        f"{KEY}.read: m_roi makes m_roi a view, and dags/b.sql:2 writes to it: name it under write"
    ]


def test_what_is_written_though_a_pattern_reads_it_is_told_too() -> None:
    assert faults({"read": ["m_e*", "*"]}, written=("m_roi", "v_costs", "m_new")) == [
        f"{KEY}.read: * makes m_roi a view, and dags/b.sql:2 writes to it: name it under write",
        (
            f"{KEY}.read: * makes v_costs a view, and dags/b.sql:2 writes to it: "
            "set data.detect: auto, which leaves it to the pipeline"
        ),
    ]


def test_what_is_read_and_is_nowhere_is_told_before_anything_is_made() -> None:
    schema, warnings = wanted({"read": ["m_events"]}, read=("m_events", "m_roi", "m_none"))

    assert schema.views == ("m_events",)
    assert sorted(warnings) == [
        "dags/a.sql:1: reads db_attribution.m_none, which db_attribution_test has not, and no SQL makes",
        "dags/a.sql:1: reads db_attribution.m_roi, which data.schemas.db_attribution does not name",
    ]


def test_the_sql_counts_for_nothing_where_nobody_wants_it() -> None:
    schema, warnings = wanted({"read": ["m_roi"]}, read=("m_none",), written=("m_roi",), detect="never")

    assert (schema.views, warnings) == (("m_roi",), [])


def test_masks_are_kept_of_the_tables_that_are_used() -> None:
    schema, _ = wanted({"read": ["m_events"], "mask": {"M_Events": {"Email": "hash"}, "m_roi": {"a": None}}})

    assert schema.masks == {"m_events": {"email": "hash"}}
    assert schema.own_masks["m_events"] == {"email"}
