from __future__ import annotations

import pytest

from dagbranch.domain.source_allowance import RepositoryLists, SourceAllowance

TEST = SourceAllowance(frozenset({"marketing"}), frozenset({"_test"}))


@pytest.mark.parametrize(
    ("schema", "permitted"),
    [
        ("db_test", True),
        ("DB_TEST", True),
        ("marketing.db_test", True),
        ("Marketing.db_test", True),
        ("finance.db_test", False),
        ("db_live", False),
        ("db", False),
        ("db_test_live", False),
        ("db_tést", False),
    ],
)
def test_a_schema_may_be_read_by_its_catalog_and_its_suffix(schema: str, *, permitted: bool) -> None:
    assert TEST.permits(schema) is permitted


def test_a_star_permits_every_catalog_or_every_suffix() -> None:
    assert SourceAllowance(frozenset({"*"}), frozenset({"_test"})).permits("finance.db_test")
    assert not SourceAllowance(frozenset({"*"}), frozenset({"_test"})).permits("finance.db_live")
    assert SourceAllowance(frozenset(), frozenset({"*"})).permits("db_live")
    assert SourceAllowance.anything().permits("finance.db")


def test_nothing_is_permitted_where_nothing_is_named() -> None:
    assert not SourceAllowance(frozenset(), frozenset()).permits("db_test")


def test_a_parameter_has_values_for_all_repositories_and_for_some_by_name_instead() -> None:
    lists = RepositoryLists.parse(" _test, _Sandbox ,acme/Finance=_audit, acme/finance=_test,")

    assert lists.of("acme/pipelines") == {"_test", "_sandbox"}
    assert lists.of("ACME/finance") == {"_audit", "_test"}
    assert RepositoryLists.parse("").of("acme/pipelines") == frozenset()
