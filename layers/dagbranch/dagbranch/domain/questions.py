"""What dagbranch asks a warehouse: SQL that changes nothing, made of checked names.

sqlglot cannot build ``SHOW`` and ``DESCRIBE`` of Databricks, so these are the texts, with quoted names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from dagbranch.domain.predicates import render
from dagbranch.domain.schema_marker import MARKER_BEGINNING
from dagbranch.domain.statements import table_tree


@dataclass(frozen=True)
class Question:
    sql: str


def show_tables(schema: str) -> Question:
    """Tables and views alike: rows of schema, name, whether it is temporary."""
    return Question(f"SHOW TABLES IN {_quoted(schema)}")


def show_views(schema: str) -> Question:
    """Rows as ``show_tables`` has them."""
    return Question(f"SHOW VIEWS IN {_quoted(schema)}")


def describe_schema(schema: str) -> Question:
    """Rows of name and value; the schema's comment among them."""
    return Question(f"DESCRIBE SCHEMA EXTENDED {_quoted(schema)}")


def describe_table(table: str) -> Question:
    """One row with one JSON text (Databricks Runtime 16.2 and SQL warehouses, Spark 4)."""
    return Question(f"DESCRIBE TABLE EXTENDED {_quoted(table)} AS JSON")


def marked_schemata(catalog: str | None) -> Question:
    """Rows of name and comment of the schemas whose comment begins as a marker does; None is the current catalog."""
    name, comment = (exp.column(exp.to_identifier(column, quoted=True)) for column in ("schema_name", "comment"))
    begins = exp.Like(this=comment.copy(), expression=exp.Literal.string(f"{MARKER_BEGINNING}%"))
    schemata = table_tree(".".join([*([catalog] if catalog else []), "information_schema", "schemata"]))
    return Question(render(exp.select(name, comment).from_(schemata).where(begins)))


def show_schemas(catalog: str | None) -> Question:
    """Rows of a name; None is the current catalog."""
    return Question(f"SHOW SCHEMAS IN {_quoted(catalog)}" if catalog else "SHOW SCHEMAS")


def show_grants(schema: str) -> Question:
    """Rows of principal, action type, object type, object key: those of the catalog are among them."""
    return Question(f"SHOW GRANTS ON SCHEMA {_quoted(schema)}")


def distinct_partitions(table: str, columns: Sequence[str], predicate: exp.Expr | None) -> Question:
    """The values that these columns have together, in order, where the predicate holds."""
    names = [exp.column(exp.to_identifier(name, quoted=True)) for name in columns]
    tree = exp.select(*names).distinct().from_(table_tree(table)).order_by(*(name.copy() for name in names))
    if predicate is not None:
        tree.set("where", exp.Where(this=predicate.copy()))
    return Question(render(tree))


def _quoted(name: str) -> str:
    return render(table_tree(name))
