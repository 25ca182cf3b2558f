from __future__ import annotations

import pytest

from dagbranch.domain.data_plan import plan_data_environment, schema_pairs
from dagbranch.domain.declared_base import implied_base, parse_base
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.errors import InvalidPipelineError, SourceError


def declare(read: list[str]) -> DataSpecification:
    schema = {"catalog": "c", "read": tuple(read), "write": {"M_ROI": {}}}
    return DataSpecification.model_validate({"source_suffix": "_test", "schemas": {"db": schema}})


def test_a_base_is_read_from_json_in_lower_case() -> None:
    assert parse_base('{"DB_test": {"M_Events": "table", "v": "view"}}') == {
        "db_test": {"m_events": "table", "v": "view"}
    }


@pytest.mark.parametrize("text", ["", "[]", '{"a": []}', '{"a": {"b": "function"}}', '{"a": {"b": {}}}', "[" * 99_999])
def test_any_other_json_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(SourceError):
        parse_base(text)


def test_names_alone_are_enough_for_a_plan() -> None:
    declared = declare(["m_events"])

    base = implied_base(declared, schema_pairs(declared, "f", "_{environment}"))

    assert base == {"c.db_test": {"m_events": "table", "m_roi": "table"}}
    plan = plan_data_environment(
        declared, environment="f", repository="", pull_number=0, table_suffix="_{environment}", base=base, existing={}
    )
    assert len(plan.everything()) == 3


def test_patterns_need_a_base() -> None:
    declared = declare(["m_*", "x", "*"])

    with pytest.raises(InvalidPipelineError, match=r"--base FILE.*data\.schemas\.db\.read: m_\*, .*: \*"):
        implied_base(declared, schema_pairs(declared, "f", "_{environment}"))
