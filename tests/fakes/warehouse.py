"""A warehouse in memory that runs the statements that it is given, as Spark was seen to run them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlglot
from sqlglot import exp

from dagbranch.domain.data_plan import Base, ExistingSchema, Kind, Seed
from dagbranch.domain.fence import Fence
from dagbranch.domain.statements import Statement
from dagbranch.errors import UpstreamError
from tests.fakes.examples import Meanwhile, nothing


@dataclass
class Schema:
    comment: str | None = None
    tables: dict[str, Kind] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


class InMemoryWarehouse:
    """``ran`` is every statement in order; ``meanwhile`` happens after each look at what exists."""

    def __init__(self, base: Base | None = None) -> None:
        self.schemas = {name: Schema(None, dict(tables)) for name, tables in (base or {}).items()}
        self.ran: list[str] = []
        self.meanwhile: Meanwhile = nothing

    def tables(self, schemas: Collection[str]) -> Mapping[str, Mapping[str, Kind]]:
        return {name: dict(self.schemas[name].tables) for name in schemas if name in self.schemas}

    def existing(self, schemas: Collection[str]) -> Mapping[str, ExistingSchema]:
        found = {name: self.schemas[name] for name in schemas if name in self.schemas}
        self.meanwhile()
        return {name: ExistingSchema(one.comment, dict(one.tables), dict(one.notes)) for name, one in found.items()}

    def execute(self, statements: Sequence[Statement], fence: Fence) -> None:
        for statement in statements:
            fence.check(statement)
        for statement in statements:
            self._run(statement)

    def seed(self, seeds: Sequence[Seed], fence: Fence) -> None:
        self.execute([statement for one in seeds for statement in one.statements], fence)

    def _run(self, statement: Statement) -> None:
        tree: Any = sqlglot.parse_one(statement.sql, dialect="databricks")
        self.ran.append(statement.sql)
        target, kind = statement.writes[0], str(tree.args.get("kind", "")).lower()
        if kind == "schema":
            self._run_on_schema(tree, target)
            return
        name, _, table = target.rpartition(".")
        if name not in self.schemas:
            raise UpstreamError(f"[SCHEMA_NOT_FOUND] {name}")
        schema = self.schemas[name]
        match tree:
            case exp.Create():
                if table in schema.tables and not tree.args.get("replace"):
                    raise UpstreamError(f"[TABLE_OR_VIEW_ALREADY_EXISTS] {target}")
                schema.tables[table] = "view" if kind == "view" else "table"
                self._note(schema, table, tree)
            case exp.Drop():
                if schema.tables.pop(table, None) != kind:
                    raise UpstreamError(f"[TABLE_OR_VIEW_NOT_FOUND] {target}")
                schema.notes.pop(table, None)
            case exp.Alter():
                self._note(schema, table, tree)

    @staticmethod
    def _note(schema: Schema, table: str, tree: exp.Expr) -> None:
        for one in tree.find_all(exp.Property):
            if type(one) is exp.Property:
                schema.notes[table] = str(one.args["value"].name)

    def _run_on_schema(self, tree: exp.Expr, name: str) -> None:
        if isinstance(tree, exp.Create) and name in self.schemas:
            raise UpstreamError(f"[SCHEMA_ALREADY_EXISTS] {name}")
        if not isinstance(tree, exp.Create) and name not in self.schemas:
            raise UpstreamError(f"[SCHEMA_NOT_FOUND] {name}")
        if isinstance(tree, exp.Drop):
            del self.schemas[name]
            return
        comment = next(iter(tree.find_all(exp.Literal)))
        self.schemas.setdefault(name, Schema()).comment = str(comment.this)
