from __future__ import annotations

from dagbranch.domain.declared_uses import DeclaredUses, warnings_about_uses
from dagbranch.domain.detection import Detected
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.warehouse_state import FoundSchema

PLAIN = SchemaPair("Db", "db_test", "db_feature1")
IN_CATALOG = SchemaPair("db", "marketing.db_test", "marketing.db_feature1")


def uses(read: dict[str, str] | None = None, written: dict[str, str] | None = None) -> DeclaredUses:
    return DeclaredUses(
        Detected({t: (p,) for t, p in (read or {}).items()}, {t: (p,) for t, p in (written or {}).items()}, ())
    )


def test_uses_are_asked_by_schema_with_its_catalog_or_without() -> None:
    found = uses({"db.a": "x:1", "marketing.db.b": "x:2", "finance.db.c": "x:3", "other.a": "x:4", "a": "x:5"})

    assert found.read_in(IN_CATALOG) == {"a": ("x:1",), "b": ("x:2",)}
    assert set(found.read_in(PLAIN)) == {"a", "b", "c"}


def test_what_is_written_is_apart_from_what_is_read() -> None:
    found = uses({"db.a": "x:1"}, {"db.b": "x:2"})

    assert (found.read_in(PLAIN), found.written_in(PLAIN)) == ({"a": ("x:1",)}, {"b": ("x:2",)})


def test_a_table_of_the_base_that_sql_names_itself_is_told() -> None:
    found = uses({"db_test.a": "x:1"}, {"marketing.db_test.b": "x:2"})

    warnings = warnings_about_uses(found, [IN_CATALOG], {"db": set()}, {})

    assert warnings == [
        "x:1: uses marketing.db_test.a itself, not the environment's own",
        "x:2: uses marketing.db_test.b itself, not the environment's own",
    ]


def test_what_the_sql_makes_itself_or_the_environment_has_is_not_told() -> None:
    found = uses({"db.made": "x:1", "db.there": "x:2"}, {"db.made": "y:1"})
    base = {"db_test": FoundSchema(None, {"there": "table"})}

    assert warnings_about_uses(found, [PLAIN], {"Db": {"there"}}, base) == []


def test_of_many_warnings_the_first_are_told() -> None:
    found = uses({f"db.t{number}": "x:1" for number in range(25)})

    warnings = warnings_about_uses(found, [PLAIN], {"Db": set()}, {})

    assert len(warnings) == 21
    assert warnings[-1] == "and 5 more such warnings"
