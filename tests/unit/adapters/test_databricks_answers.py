"""The warehouse's rows as values, also those of Unity Catalog, which the local Spark does not give."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dagbranch.adapters.databricks_answers import direct_grants, found_schema, sql_type, table_details
from dagbranch.domain.warehouse_state import FoundSchema, Grant


def test_a_schema_is_its_comment_and_its_permanent_tables_and_views() -> None:
    tables = [["db", "T_b", False], ["db", "v_a", False], ["", "temporary", True]]

    found = found_schema(tables, [["db", "v_a", False]], [["Namespace Name", "db"], ["Comment", "ours"]])

    assert found == FoundSchema("ours", {"t_b": "table", "v_a": "view"})


@pytest.mark.parametrize(("name", "comment"), [("Comment", "it"), ("Description", "it"), ("Owner", None)])
def test_a_schemas_comment_is_found_under_either_name(name: str, comment: str | None) -> None:
    assert found_schema([], [], [["Location", "s3://x"], [name, "it"]]).comment == comment


def test_unity_catalogs_protections_are_told() -> None:
    told = {
        "columns": [{"name": "email", "type": {"name": "string"}}],
        "row_filter": {"function_name": "only_mine"},
        "column_masks": [{"column_name": "email", "function_name": "hide"}],
    }

    details = table_details([[json.dumps(told)]])

    assert (details.has_row_filter, details.masked_columns) == (True, ("email",))


def test_what_is_not_told_of_a_table_is_nothing() -> None:
    details = table_details([['{"table_name": "t"}']])

    assert (details.columns, details.partition_columns, details.properties, details.follows) == ({}, (), {}, False)
    assert (details.has_row_filter, details.masked_columns) == (False, ())


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ({"name": "int"}, "int"),
        ({"name": "timestamp_ltz"}, "timestamp"),
        ({"name": "timestamp_ntz"}, "timestamp_ntz"),
        ({"name": "decimal", "precision": 10, "scale": 2}, "decimal(10,2)"),
        ({"name": "varchar", "length": 9}, "varchar(9)"),
        ({"name": "char", "length": 2}, "char(2)"),
        ({"name": "string", "collation": "UTF8_BINARY"}, "string"),
        ({"name": "string", "collation": "DE"}, "string collate DE"),
        ({"name": "interval", "start_unit": "day", "end_unit": "second"}, "interval day to second"),
        ({"name": "interval", "start_unit": "year", "end_unit": "year"}, "interval year"),
        ({"name": "array", "element_type": {"name": "date"}}, "array<date>"),
        ({"name": "map", "key_type": {"name": "string"}, "value_type": {"name": "int"}}, "map<string, int>"),
        ({"name": "struct", "fields": [{"name": "a`b", "type": {"name": "int"}}]}, "struct<`a``b`: int>"),
    ],
)
def test_a_type_is_written_as_sql(told: dict[str, Any], written: str) -> None:
    assert sql_type(told) == written


def test_the_grants_of_a_schema_are_its_own_and_not_its_catalogs_or_owners() -> None:
    rows = [
        ["readers", "use schema", "SCHEMA", "marketing.db"],
        ["readers", "SELECT", "DATABASE", "db"],
        ["everybody", "USE CATALOG", "CATALOG", "marketing"],
        ["dagbranch", "OWN", "SCHEMA", "marketing.db"],
    ]

    assert direct_grants(rows) == {Grant("readers", "USE SCHEMA"), Grant("readers", "SELECT")}
