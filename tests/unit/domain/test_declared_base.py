from __future__ import annotations

import json

import pytest

from dagbranch.domain.data_plan import plan_data_environment
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.declared_base import DeclaredBase, implied_base, parse_base
from dagbranch.domain.schema_pairs import schema_pairs
from dagbranch.domain.wanted_data import Judgement, wanted_data
from dagbranch.domain.warehouse_state import FoundSchema, TableDetails
from dagbranch.errors import InvalidPipelineError, SourceError

SUFFIX = "_{environment}"


def declare(read: list[str], **more: object) -> DataSpecification:
    schema = {"catalog": "c", "read": tuple(read), "write": {"M_ROI": {}}, **more}
    return DataSpecification.model_validate({"source_suffix": "_test", "schemas": {"db": schema}})


def test_a_base_is_read_from_json_in_lower_case() -> None:
    base = parse_base('{"DB_test": {"M_Events": "table", "v": "view"}}')

    assert base == DeclaredBase({"db_test": FoundSchema(None, {"m_events": "table", "v": "view"})})


def test_columns_and_partitions_can_be_told_in_the_place_of_a_kind() -> None:
    told = {"kind": "table", "columns": {"Email": "string", "date": "date"}, "partition_columns": ["date"]}

    base = parse_base(json.dumps({"DB_test": {"M_Events": told, "v": "view"}}))

    assert base.schemas["db_test"].tables == {"m_events": "table", "v": "view"}
    assert base.details == {"db_test.m_events": TableDetails({"Email": "string", "date": "date"}, ("date",))}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"a": []}',
        '{"a": {"b": "function"}}',
        '{"a": {"b": {}}}',
        '{"a": {"b": ["table"]}}',
        '{"a": {"b": {"kind": "stream"}}}',
        '{"a": {"b": {"kind": "table", "columns": []}}}',
        '{"a": {"b": {"kind": "table", "columns": {"x": 1}}}}',
        '{"a": {"b": {"kind": "table", "columns": {"x": "int"}, "partition_columns": ["y"]}}}',
        '{"a": {"b": {"kind": "table", "columns": {"x": "int"}, "partition_columns": [["x"]]}}}',
        '{"a": {"b": {"kind": "table", "columns": {"x": "int"}, "partitions": []}}}',
        "[" * 99_999,
    ],
)
def test_any_other_json_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(SourceError, match="base"):
        parse_base(text)


def test_names_alone_are_enough_for_a_plan() -> None:
    declared = declare(["m_events"])

    base = implied_base(declared, schema_pairs(declared, "f", SUFFIX))

    assert base.schemas == {"c.db_test": FoundSchema(None, {"m_events": "table", "m_roi": "table"})}
    plan = plan_data_environment(
        declared, environment="f", repository="", pull_number=0, table_suffix=SUFFIX, found=base.schemas
    )
    assert len(plan.everything()) == 3


def test_patterns_need_a_base() -> None:
    declared = declare(["m_*", "x", "*"])

    with pytest.raises(InvalidPipelineError, match=r"--base FILE.*data\.schemas\.db\.read: m_\*, .*: \*"):
        implied_base(declared, schema_pairs(declared, "f", SUFFIX))


def test_masks_need_the_columns_and_the_error_shows_how_they_are_told() -> None:
    declared = declare(["m_events", "m_costs"], mask={"m_events": {"email": None}})
    pairs = schema_pairs(declared, "f", SUFFIX)
    base = implied_base(declared, pairs)
    wanted, _ = wanted_data(declared, pairs, base.schemas, Judgement())

    with pytest.raises(InvalidPipelineError, match=r"c\.db_test\.m_events: .*--base FILE.*\"columns\"") as error:
        base.check_columns(wanted)

    assert "m_costs" not in str(error.value)
    assert "\n" not in str(error.value)
