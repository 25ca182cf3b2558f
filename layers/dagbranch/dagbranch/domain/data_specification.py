"""``data`` in ``dagbranch.yaml``: which tables the pipelines read and write, what is masked, and who may use it all."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dagbranch.domain.specification_values import (
    BaseTable,
    ColumnMask,
    ColumnName,
    Name,
    Patterns,
    Principals,
    Section,
    Seed,
    Suffix,
    distinct,
)

type TableMasks = Annotated[dict[ColumnName, ColumnMask], AfterValidator(distinct)]


class WrittenTable(Section):
    """A table that the pipelines write: a real table of the environment's own."""

    seed: Seed | None = Field(
        default=None, description="Which rows of the base the table begins with: a condition on its columns, or: all."
    )


class SchemaSpecification(Section):
    """What the pipelines use of one schema."""

    catalog: Name | None = Field(default=None, description="Unity Catalog's first level of the name.")
    read: Patterns = Field(default=(), description="Tables that are read, by name or pattern, or: all.")
    write: Annotated[dict[Name, WrittenTable], AfterValidator(distinct)] = Field(
        default={}, description="Tables that are written."
    )
    mask: Annotated[dict[BaseTable, TableMasks], AfterValidator(distinct)] = Field(
        default={},
        description="Columns that are not shown as they are, by table: hash, null, keep, or a value in their place; "
        "* stands for each column that is not named.",
    )
    unprotected: Patterns = Field(
        default=(),
        description="Tables with a row filter or column mask of their own that may be copied. "
        "Counts on the default branch alone.",
    )


class Grants(Section):
    """Who may use an environment's schemas. A pull request can only leave out whom the default branch names."""

    readers: Principals | None = Field(default=None, description="Who may query: users, groups, service principals.")
    writers: Principals | None = Field(default=None, description="Who may write too: what the pipelines run as.")


class DataSpecification(Section):
    """The data environment: schemas, by the name that the pipelines' code gives them."""

    source_suffix: Suffix = Field(default="", description="What the base's schemas end in, such as _test.")
    detect: Literal["auto", "check", "never"] = Field(
        default="check",
        description="Whether the repository's SQL is read: to add the tables that it uses (auto), "
        "or to tell where it contradicts this file (check).",
    )
    clone: Literal["auto", "never"] = Field(
        default="auto", description="Whether tables with the seed: all are cloned where the warehouse can."
    )
    grants: Grants = Field(default_factory=Grants)
    schemas: Annotated[dict[Name, SchemaSpecification], AfterValidator(distinct)]
