"""Reads which tables a Python file uses: its SQL, wherever it certainly is some, and calls that name tables.

Only the syntax tree is read. Where SQL is run that is not known, the line is unknown.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator
from typing import Final

from dagbranch.domain.python_names import Module, module_of
from dagbranch.domain.python_tables import TEMPORARY_VIEWS, Named, named_tables
from dagbranch.domain.python_texts import Texts
from dagbranch.domain.sql_reading import read_sql, session_views
from dagbranch.domain.sql_templates import MARKS, read_template
from dagbranch.domain.sql_text import HOLE, SqlText, certain_name
from dagbranch.domain.syntax import UNREADABLE, called, parsed
from dagbranch.domain.table_uses import Uses

# Their first argument is SQL, whatever they are methods of.
_RUN: Final = frozenset(
    {"sql", "execute", "executemany", "executescript", "execute_string", "execute_query", "run_query", "execute_sql"}
    | {"get_records", "get_first", "get_pandas_df", "get_polars_df", "get_df", "get_df_by_chunks"}
    | {"get_pandas_df_by_chunks", "read_sql", "read_sql_query", "run_sql"}
)
# Methods of many other things: it is SQL where they are a hook's or a client's, or where it reads like SQL.
_MAY_RUN: Final = frozenset({"run", "query"})
_RUNNERS: Final = re.compile(r"hook|client|cursor|conn|engine|warehouse", re.IGNORECASE)
_SQL_KEYWORDS: Final = frozenset({"sql", "sqlQuery", "hql", "sql_query", "sql_statement", "sql_statements"})
_MAYBE_KEYWORDS: Final = frozenset(
    {"operation", "query", "queries", "statement", "statements", "preoperator", "postoperator"}
)
_SQL_FILE: Final = re.compile(r"[^\s;'\"]+\.(?:sql|hql)(?:\.j2|\.jinja2?)?", re.IGNORECASE)
_SHELL_SQL: Final = re.compile(r"\b(?:spark-sql|beeline|hive)\b[^\n]*\s-e\b|\bdbsqlcli\b")
_INCLUDE: Final = re.compile(r"""\s*\{%-?\s*include\s+['"]([^'"]+)['"]\s*-?%\}\s*""")
_BEGINS: Final = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\{[%#].*?[%#]\})*(?:SELECT|WITH|INSERT|MERGE|UPDATE|DELETE|CREATE|REPLACE|DROP|TRUNCATE"
    r"|ALTER|COPY|LOAD|OPTIMIZE|VACUUM|MSCK|REFRESH|ANALYZE|BEGIN|DECLARE|SET|FROM|EXECUTE|EXPLAIN|CACHE|USE)\b",
    re.IGNORECASE | re.DOTALL,
)
_CHANGE: Final = (
    r"(?:INSERT\s+(?:INTO|OVERWRITE)|MERGE\s+INTO|DELETE\s+FROM|UPDATE\s+\S+\s+SET|TRUNCATE\s+TABLE|DROP\s+TABLE"
    r"|CREATE\s+(?:OR\s+REPLACE\s+)?(?:EXTERNAL\s+)?TABLE|ALTER\s+TABLE|COPY\s+INTO)\s"
)
_LOWER_CHANGE: Final = re.sub(r"[A-Z]{2,}", lambda word: word[0].lower(), _CHANGE)
# As an author of SQL writes it: a sentence that begins with a verb has one capital letter.
_CHANGES: Final = re.compile(rf"^\s*(?:{_CHANGE}|{_LOWER_CHANGE})", re.MULTILINE)
_CHANGES_WITHIN: Final = re.compile(_CHANGE)
_TEMPORARY: Final = re.compile(r"\b(?:TEMP|TEMPORARY)\s+(?:VIEW|TABLE)\b|\bCACHE\s", re.IGNORECASE)
_HANDED_ON: Final = frozenset({"execute", "executemany", "saveAsTable", "insertInto", "writeTo"})
_OF_LIVE_TABLES: Final = frozenset(
    {"table", "materialized_view", "create_table", "create_streaming_table", "append_flow", "apply_changes", "read"}
    | {"read_stream"}
)
_LOGS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log", "print"})
_NO_SQL: Final = frozenset({"context", "self"})

IsFile = Callable[[str], bool]


def read_python_sql(source: bytes | str, *, is_file: IsFile = lambda _: False, temporary: Collection[str] = ()) -> Uses:
    """``is_file``: whether the path, maybe with holes, is that of a file of SQL, which is read as such.

    ``temporary``: views that the same session has from elsewhere.
    """
    try:
        tree = parsed(source.encode() if isinstance(source, str) else source)
        return _Reader(module_of(tree), is_file, temporary).read()
    except UNREADABLE as error:
        return Uses(unknown={getattr(error, "lineno", None) or 1})


class _Reader:
    def __init__(self, module: Module, is_file: IsFile, temporary: Collection[str]) -> None:
        self._module = module
        self._texts = Texts(module)
        self._is_file = is_file
        self._uses = Uses()
        self._found: list[SqlText] = []
        self._temporary = set(temporary)
        # Expressions that were read as a part of something larger, by identity.
        self._done: set[int] = set(module.docstrings)
        self._parents = module.parents

    def read(self) -> Uses:
        """What is run first, then what only reads like SQL; views of the session are known wherever they are made."""
        calls = [node for node in self._module.nodes if isinstance(node, ast.Call)]
        for call in calls:
            self._call(call)
        for node in self._module.nodes:
            if isinstance(node, ast.Attribute) and self._is_handed_on(node):
                self._uses.unknown.add(node.lineno)
            if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Call) and id(node) not in self._done:
                self._stray(node)
        for text in self._found:
            if _TEMPORARY.search(text.text()):
                self._temporary |= session_views(text.text())
        for text in self._found:
            self._uses.add(_read(text, self._temporary))
        return self._uses

    def _call(self, call: ast.Call) -> None:
        name = called(call.func)
        if name in TEMPORARY_VIEWS:
            self._view(call)
        for given, is_certain in _sql_given(call, name):
            self._run(given, is_certain=is_certain)
        for named in named_tables(call, self._parents):
            self._table(call, named)
        if name in _LOGS:
            for argument in call.args:
                self._finish(argument)

    def _is_handed_on(self, method: ast.Attribute) -> bool:
        """``map(cursor.execute, queries)``: what runs or writes is called elsewhere, or declares a pipeline's table."""
        if isinstance(method.value, ast.Name) and method.value.id == "dlt":
            return method.attr in _OF_LIVE_TABLES
        parent = self._parents.get(id(method))
        is_called = isinstance(parent, ast.Call) and parent.func is method
        is_spark = method.attr == "sql" and "spark" in ast.unparse(method.value).lower()
        return (is_spark or method.attr in _HANDED_ON) and not is_called

    def _view(self, call: ast.Call) -> None:
        for text in self._texts.of(call.args[0]) if call.args else []:
            name = certain_name(text.text()) if text is not None else None
            self._temporary |= {name} if name else set()

    def _run(self, given: ast.expr, *, is_certain: bool) -> None:
        if self._is_read_from_file(given):
            self._finish(given)
            return
        for text in self._texts.of(given):
            if text is None or not text.text().replace(HOLE, "").strip():
                self._uses.unknown.update([given.lineno] if is_certain else [])
            elif file := _file_in(text.text()):
                self._uses.unknown.update([] if self._is_file(file) else [given.lineno])
            elif is_certain or _BEGINS.match(text.text()):
                self._found.append(text)
        self._finish(given)

    def _is_read_from_file(self, given: ast.expr) -> bool:
        """``Path(…, "m_roi.sql").read_text()``: the file is read as what it is."""
        names = {called(node.func) for node in ast.walk(given) if isinstance(node, ast.Call)}
        texts = [
            node.value for node in ast.walk(given) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        files = [text for text in texts if _SQL_FILE.fullmatch(text)]
        return bool(names & {"read_text", "read"} and files) and all(map(self._is_file, files))

    def _finish(self, node: ast.expr) -> None:
        self._done.update(id(one) for one in ast.walk(node))

    def _stray(self, node: ast.expr) -> None:
        """A text that no call is known to run: read where it begins like SQL and tells of a table."""
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            return
        if isinstance(node, ast.Call) and called(node.func) not in {"format", "join"}:
            return
        for text in self._texts.of(node):
            if text is None:
                continue
            written = text.text()
            changes = _CHANGES.search(written)
            if _BEGINS.match(written) or changes:
                found = _read(text, self._temporary)
                if found.read or found.written or changes:
                    self._found.append(text)
                    self._finish(node)
            elif (_SHELL_SQL.search(written) or _CHANGES_WITHIN.search(written)) and self._is_command(node):
                self._uses.unknown.add(node.lineno)

    def _is_command(self, node: ast.expr) -> bool:
        parent = self._parents.get(id(node))
        while isinstance(parent, ast.expr) and not isinstance(parent, ast.Call):
            parent = self._parents.get(id(parent))
        return isinstance(parent, ast.Call | ast.keyword)

    def _table(self, call: ast.Call, named: Named) -> None:
        if named.table is None:
            self._uses.unknown.add(call.lineno)
            return
        schemas = [None] if named.schema is None else self._texts.of(named.schema)
        for table in self._texts.of(named.table):
            for schema in schemas:
                self._note(named, table, schema)
        self._finish(named.table)

    def _note(self, named: Named, table: SqlText | None, schema: SqlText | None) -> None:
        line = getattr(named.table, "lineno", 1)
        text = "" if table is None else table.text().strip()
        if named.schema is not None and "." not in text:
            text = f"{schema.text().strip() if schema is not None else ''}.{text}"
        parts = [certain_name(part.strip("`")) for part in text.split(".")]
        if named.kind == "read" and len(parts) == 1 and parts[0] in self._temporary:
            return
        if not 2 <= len(parts) <= 3 or not all(parts) or " " in text:
            self._uses.unknown.add(line)
            return
        name = ".".join(part or "" for part in parts)
        if named.kind == "unknown":
            self._uses.unknown.add(line)
        elif parts[0] != "global_temp":
            (self._uses.read if named.kind == "read" else self._uses.written)[name].add(line)


def _file_in(text: str) -> str:
    """The path, where the text is that of a file, or of a template that is nothing but one; else empty."""
    include = _INCLUDE.fullmatch(text)
    path = include[1] if include else text.strip()
    return path if _SQL_FILE.fullmatch(path) else ""


def _sql_given(call: ast.Call, name: str) -> Iterator[tuple[ast.expr, bool]]:
    """What a call is given as SQL, and whether that is certain."""
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Name) and first.id in _NO_SQL:
        first = None
    is_method = isinstance(call.func, ast.Attribute)
    if first is not None and (name in _RUN or (name in _MAY_RUN and is_method)):
        yield first, name in _RUN or _RUNNERS.search(ast.unparse(call.func)) is not None
    is_sql = name in _RUN or re.search(r"sql|query|hql|Operator$|Sensor$", name, re.IGNORECASE) is not None
    for keyword in call.keywords:
        if keyword.arg in _SQL_KEYWORDS or keyword.arg in _MAYBE_KEYWORDS:
            yield keyword.value, keyword.arg in _SQL_KEYWORDS or is_sql


def _read(text: SqlText, temporary: set[str]) -> Uses:
    written = text.text()
    if not any(mark in written for mark in MARKS):
        return read_sql(text, temporary=temporary)
    starts = [0, *(match.end() for match in re.finditer("\n", written))]
    uses = Uses()
    uses.add(read_template(written, temporary=temporary), lambda line: text.line_at(starts[min(line, len(starts)) - 1]))
    return uses
