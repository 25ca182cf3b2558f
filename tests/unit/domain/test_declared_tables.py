from __future__ import annotations

import pytest

from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.declared_tables import check_declared_tables, full_names
from dagbranch.domain.warehouse_state import FoundSchema, Kind
from dagbranch.errors import InvalidPipelineError

DECLARED = DataSpecification.model_validate(
    {
        "schemas": {
            "Db": {"catalog": "Marketing", "read": ["M_Events", "m_cost_*"], "write": {"m_roi": {}}},
            "db_other": {"read": ["*"]},
        }
    }
)
SCHEMAS = full_names(DECLARED, {"Db": "Db_live", "db_other": "db_other_live"})


def test_full_names_are_as_the_warehouse_has_them() -> None:
    assert SCHEMAS == {"Db": "marketing.db_live", "db_other": "db_other_live"}


def test_what_is_declared_and_there_is_no_fault_whatever_else_is_there() -> None:
    tables: dict[str, Kind] = {"m_events": "view", "m_cost_search": "table", "m_roi": "table", "more": "table"}

    check_declared_tables(
        DECLARED, SCHEMAS, {"marketing.db_live": FoundSchema(None, tables), "db_other_live": FoundSchema()}
    )


def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(InvalidPipelineError) as raised:
        check_declared_tables(DECLARED, SCHEMAS, {"marketing.db_live": FoundSchema(None, {"m_roi": "view"})})

    assert str(raised.value).splitlines() == [
        "dagbranch.yaml: data.schemas.Db.read: marketing.db_live has no M_Events",
        "dagbranch.yaml: data.schemas.Db.read: marketing.db_live has no m_cost_*",
        "dagbranch.yaml: data.schemas.Db.write.m_roi: marketing.db_live has m_roi as a view",
        "dagbranch.yaml: data.schemas.db_other: there is no schema db_other_live",
        "(nothing is made in this lane: make what is missing there first)",
    ]
