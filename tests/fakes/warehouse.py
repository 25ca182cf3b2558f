"""A warehouse in memory that runs the statements that it is given, as Spark and Databricks were seen to run them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import sqlglot
from sqlglot import exp
from sqlglot.executor import execute

from dagbranch.domain.fence import Fence
from dagbranch.domain.questions import Question
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.statements import SEED_PROPERTY, Statement
from dagbranch.domain.warehouse_state import FoundSchema, Grant, Kind, TableDetails
from dagbranch.errors import TransientUpstreamError, UpstreamError
from tests.fakes.examples import Meanwhile, nothing

type Row = dict[str, Any]

_CLONE = re.compile(r"CREATE TABLE (\S+) SHALLOW CLONE (\S+) TBLPROPERTIES \('[\w.]+'='([\w ]*)'\)")
COLUMNS = {"id": "int", "date": "string", "email": "string"}


@dataclass
class Table:
    columns: dict[str, str] = field(default_factory=lambda: dict(COLUMNS))
    rows: list[Row] = field(default_factory=list)
    partition_columns: tuple[str, ...] = ("date",)
    properties: dict[str, str] = field(default_factory=dict)
    has_row_filter: bool = False
    masked_columns: tuple[str, ...] = ()


@dataclass
class View:
    """``columns`` as they were when it was made; one that ``follows`` has its table's instead."""

    source: str
    select: exp.Select
    columns: dict[str, str]
    follows: bool
    properties: dict[str, str] = field(default_factory=dict)


@dataclass
class Schema:
    comment: str | None = None
    tables: dict[str, Table | View] = field(default_factory=dict)
    grants: set[Grant] = field(default_factory=set)


class InMemoryWarehouse:
    """``ran`` is every statement in order, ``asked`` how many questions there were.

    ``meanwhile`` happens after each look at the schemas, ``after_each`` after each statement. Statements whose place
    in ``ran`` is in ``failing`` are refused instead; with ``passing``, in a way that passes.
    """

    def __init__(self, base: Mapping[str, Mapping[str, Kind | Table]] | None = None) -> None:
        self.stands = {
            name: Schema(None, {key: _standing(name, one) for key, one in tables.items()})
            for name, tables in (base or {}).items()
        }
        self.ran: list[str] = []
        self.asked = 0
        self.meanwhile: Meanwhile = nothing
        self.after_each: Meanwhile = nothing
        self.failing: set[int] = set()
        self.passing = False
        self.knows_clones = True
        self.knows_evolution = True

    # what tests look at

    def kinds(self, schema: str) -> dict[str, Kind]:
        return {name: _kind(one) for name, one in self.stands[schema].tables.items()}

    def rows(self, table: str) -> list[Row]:
        """What a query on the table or view answers."""
        found = self._table(table)
        if isinstance(found, Table):
            return found.rows
        return _selected(found.select, self.rows(found.source), self._columns(found.source))

    def table(self, name: str) -> Table:
        found = self._table(name)
        assert isinstance(found, Table), f"{name} is a view"
        return found

    # the port

    def schemas(self, names: Collection[str]) -> dict[str, FoundSchema]:
        self.asked += len(names)
        found = {
            name: FoundSchema(self.stands[name].comment, self.kinds(name)) for name in names if name in self.stands
        }
        self.meanwhile()
        return found

    def details(self, tables: Collection[str]) -> dict[str, TableDetails]:
        self.asked += len(tables)
        return {name: self._details(name) for name in tables if self._find(name) is not None}

    def marked_schemas(self, catalogs: Collection[str | None]) -> dict[str, SchemaMarker]:
        self.asked += len(catalogs)
        marked = {name: SchemaMarker.parse(schema.comment) for name, schema in self.stands.items()}
        return {
            name: marker
            for name, marker in marked.items()
            if marker is not None and (name.rpartition(".")[0] or None) in catalogs
        }

    def grants(self, schemas: Collection[str]) -> dict[str, frozenset[Grant]]:
        self.asked += len(schemas)
        return {name: frozenset(self.stands[name].grants) for name in schemas if name in self.stands}

    def partitions(self, question: Question) -> list[tuple[object, ...]]:
        self.asked += 1
        tree: Any = sqlglot.parse_one(question.sql, dialect="databricks")
        table = _name(tree.find(exp.Table))
        rows = _selected(tree, self.rows(table), self._columns(table))
        return sorted({tuple(row.values()) for row in rows}, key=str)

    def has_rows(self, question: Question) -> bool:
        """By sqlglot's own executor: joins, WITH, aggregates and set operations."""
        self.asked += 1
        tree: Any = sqlglot.parse_one(question.sql, dialect="databricks")
        tables: dict[str, dict[str, list[Row]]] = {}
        types: dict[str, dict[str, dict[str, str]]] = {}
        for name in {_name(table) for table in tree.find_all(exp.Table)} - {cte.alias for cte in tree.ctes}:
            schema, _, table = name.rpartition(".")
            if self._find(name) is None:
                raise UpstreamError(f"[TABLE_OR_VIEW_NOT_FOUND] {name}")
            tables.setdefault(schema, {})[table] = self.rows(name)
            types.setdefault(schema, {})[table] = self._columns(name)
        answer: Any = execute(tree, schema=types, tables=tables, dialect="databricks")
        return bool(answer.rows)

    def run(self, phases: Sequence[Sequence[Statement]], fence: Fence) -> None:
        for statement in (statement for phase in phases for statement in phase):
            fence.check(statement)
        done: list[Statement] = []
        for phase in phases:
            errors: list[UpstreamError] = []
            for statement in phase:
                try:
                    self._run_or_otherwise(statement, fence)
                    done.append(statement)
                except UpstreamError as error:
                    errors.append(error)
            if errors:
                kind = type(errors[0]) if len({type(error) for error in errors}) == 1 else UpstreamError
                together = kind("\n".join(map(str, errors)))
                together.ran = tuple(done)
                raise together

    # statements

    def _run_or_otherwise(self, statement: Statement, fence: Fence) -> None:
        refused = (" SHALLOW CLONE " in statement.sql and not self.knows_clones) or (
            " WITH SCHEMA EVOLUTION " in statement.sql and not self.knows_evolution
        )
        for one in statement.otherwise if refused else (statement,):
            fence.check(one)
            self._run(one)
            self.after_each()

    def _run(self, statement: Statement) -> None:
        place = len(self.ran)
        if place in self.failing:
            self.failing.remove(place)
            error = TransientUpstreamError if self.passing else UpstreamError
            raise error(f"[MADE_UP] {statement.sql} is refused")
        if clone := _CLONE.fullmatch(statement.sql):
            table, source, note = clone.groups()
            self._clone(table.replace("`", ""), source.replace("`", ""), note)
        else:
            tree: Any = sqlglot.parse_one(statement.sql, dialect="databricks")
            run = self._run_on_schema if str(tree.args.get("kind")) == "SCHEMA" else self._run_on_table
            run(tree)
        self.ran.append(statement.sql)

    def _clone(self, name: str, source: str, note: str) -> None:
        like = self.table(source)
        self._make(name, self._like(like, {SEED_PROPERTY: note}))
        self.table(name).rows = [dict(row) for row in like.rows]

    def _run_on_table(self, tree: Any) -> None:
        match tree:
            case exp.Create(kind="VIEW"):
                self._make(_name(tree.this), self._view(tree), replace=bool(tree.args.get("replace")))
            case exp.Create():
                like = self.table(_name(_first(tree, exp.LikeProperty).this))
                self._make(_name(tree.this), self._like(like, _properties(tree)))
            case exp.Insert():
                self._insert(tree)
            case exp.Alter():
                self.table(_name(tree.this)).properties.update(_properties(tree))
            case exp.Drop():
                self._drop(_name(tree.args["tables"][0]), str(tree.args["kind"]).lower())
            case _:
                raise UpstreamError(f"[PARSE_SYNTAX_ERROR] {tree.sql()}")

    def _make(self, name: str, made: Table | View, *, replace: bool = False) -> None:
        schema, _, table = name.rpartition(".")
        tables = self._schema(schema).tables
        if table in tables and not (replace and isinstance(tables[table], View)):
            raise TransientUpstreamError(f"[TABLE_OR_VIEW_ALREADY_EXISTS] {name}")
        tables[table] = made

    def _drop(self, name: str, kind: str) -> None:
        schema, _, table = name.rpartition(".")
        tables = self._schema(schema).tables
        if table not in tables or _kind(tables[table]) != kind:
            raise TransientUpstreamError(f"[TABLE_OR_VIEW_NOT_FOUND] {name}")
        del tables[table]

    def _view(self, tree: Any) -> View:
        select = tree.expression
        source = _name(select.find(exp.Table))
        self._table(source)
        columns = self._columns(source)
        if not _is_star(select):
            columns = {one.alias_or_name: _type_of(one, columns) for one in select.expressions}
        follows = tree.find(exp.WithSchemaBindingProperty) is not None
        return View(source, select, dict(columns), follows, _properties(tree))

    @staticmethod
    def _like(like: Table, properties: dict[str, str]) -> Table:
        return Table(dict(like.columns), [], like.partition_columns, properties)

    def _insert(self, tree: Any) -> None:
        target = tree.find(exp.Table)
        table = self.table(_name(target))
        source = _name(tree.expression.find(exp.Table))
        rows = _selected(tree.expression, self.rows(source), self._columns(source))
        partition = target.args.get("partition")
        given = {each.this.name: each.expression.to_py() for each in partition.expressions} if partition else {}
        others = [name for name in table.columns if name not in given]
        if any(len(row) != len(others) for row in rows):
            raise UpstreamError(f"[INSERT_COLUMN_ARITY_MISMATCH] {_name(target)}")
        # By position, as the warehouse does it.
        new = [dict(zip(others, row.values(), strict=True)) | given for row in rows]
        kept = [row for row in table.rows if given and any(row[name] != value for name, value in given.items())]
        table.rows = [*kept, *({name: row[name] for name in table.columns} for row in new)]

    def _run_on_schema(self, tree: Any) -> None:
        match tree:
            case exp.Create():
                name = _name(tree.this)
                if name in self.stands:
                    raise TransientUpstreamError(f"[SCHEMA_ALREADY_EXISTS] {name}")
                self.stands[name] = Schema(_first(tree, exp.Literal).this)
            case exp.Comment():
                self._schema(_name(tree.this)).comment = tree.expression.this
            case exp.Drop():
                name = _name(tree.args["tables"][0])
                self._schema(name)
                del self.stands[name]
            case exp.Grant():
                self._schema(_name(tree.args["securable"])).grants.update(_grants(tree))
            case exp.Revoke():
                self._schema(_name(tree.args["securable"])).grants.difference_update(_grants(tree))

    # names

    def _schema(self, name: str) -> Schema:
        if name not in self.stands:
            raise TransientUpstreamError(f"[SCHEMA_NOT_FOUND] {name}")
        return self.stands[name]

    def _find(self, name: str) -> Table | View | None:
        schema, _, table = name.rpartition(".")
        return self.stands[schema].tables.get(table) if schema in self.stands else None

    def _table(self, name: str) -> Table | View:
        found = self._find(name)
        if found is None:
            raise TransientUpstreamError(f"[TABLE_OR_VIEW_NOT_FOUND] {name}")
        return found

    def _columns(self, name: str) -> dict[str, str]:
        found = self._table(name)
        if isinstance(found, View) and found.follows and self._find(found.source) is not None:
            return self._columns(found.source)
        return found.columns

    def _details(self, name: str) -> TableDetails:
        found = self._table(name)
        columns = dict(self._columns(name))
        if isinstance(found, View):
            return TableDetails(columns, properties=dict(found.properties), follows=found.follows)
        return TableDetails(
            columns, found.partition_columns, dict(found.properties), found.has_row_filter, found.masked_columns
        )


def rows_of(*dates: str) -> list[Row]:
    return [{"id": number, "date": date, "email": f"{number}@acme.org"} for number, date in enumerate(dates, start=1)]


def _standing(schema: str, one: Kind | Table) -> Table | View:
    if isinstance(one, Table):
        return one
    if one == "table":
        return Table(rows=rows_of("2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"))
    return View(f"{schema}.nothing", exp.select("*").from_(schema), dict(COLUMNS), follows=False)


def _kind(one: Table | View) -> Kind:
    return "table" if isinstance(one, Table) else "view"


def _name(table: Any) -> str:
    return ".".join(part.name for part in table.parts if part.name)


def _first(tree: exp.Expr, kind: type[exp.Expr]) -> exp.Expr:
    found: exp.Expr = next(tree.find_all(kind))
    return found


def _properties(tree: Any) -> dict[str, str]:
    return {
        one.this.name: str(one.args["value"].name) for one in tree.find_all(exp.Property) if type(one) is exp.Property
    }


def _grants(tree: Any) -> Iterator[Grant]:
    (principal,) = tree.args["principals"]
    return (Grant(principal.this.name, each.this.name) for each in tree.args["privileges"])


def _is_star(select: Any) -> bool:
    return isinstance(select.expressions[0], exp.Star)


def _selected(select: Any, rows: list[Row], columns: Mapping[str, str]) -> list[Row]:
    """The rows for which the condition holds, and what the statement shows of them."""
    where = select.args.get("where")
    if where and rows:
        condition = where.this.sql(dialect="databricks")
        answer: Any = execute(f"SELECT * FROM t WHERE {condition}", tables={"t": rows}, dialect="databricks")
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    if _is_star(select):
        return [{name: row.get(name) for name in columns} for row in rows]
    return [{one.alias_or_name: _value(one, row) for one in select.expressions} for row in rows]


def _value(shown: Any, row: Row) -> Any:
    match shown:
        case exp.Column():
            return row[shown.name]
        case exp.Alias() | exp.Cast():
            return _value(shown.this, row)
        case exp.If():
            return _value(shown.args["true" if _value(shown.this, row) else "false"], row)
        case exp.Is():
            return _value(shown.this, row) is None
        case exp.SHA2() | exp.Anonymous():
            return _hashed(shown, row)
    return shown.to_py()


def _hashed(shown: Any, row: Row) -> Any:
    """Not the warehouse's own number, but like it one and the same for one value."""
    value = _value(shown.this if isinstance(shown, exp.SHA2) else shown.expressions[0], row)
    if value is None:
        return None
    content = str(value).encode()
    return hashlib.sha256(content).hexdigest() if isinstance(shown, exp.SHA2) else crc32(content)


def _type_of(shown: Any, columns: Mapping[str, str]) -> str:
    """A mask keeps its column's type; a value and a hash say theirs."""
    if cast := shown.find(exp.Cast):
        return str(cast.to.sql(dialect="databricks")).lower()
    return "string" if shown.find(exp.SHA2) else columns[shown.alias_or_name]
