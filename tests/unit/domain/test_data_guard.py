from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.data_guard import DataGuard, narrowed
from dagbranch.domain.masks import Mask, Masks, masked
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.source_allowance import SourceAllowance
from tests.unit.domain.data_environment import specification

GUARD = DataGuard.of(
    specification(
        "{source_suffix: _test, grants: {readers: [analysts], writers: [airflow]}, schemas: {"
        "Db: {mask: {M_Customers: {Email: hash, vip: keep}, m_all: {'*': null}}, unprotected: [M_Open, 'm_x*']}, "
        "db_costs: {catalog: Marketing, read: all, unprotected: [m_open]}}}"
    )
)
STACK = SourceAllowance(frozenset(), frozenset({"_test", "_live"}))


def pair(source: str, declared: str = "db") -> SchemaPair:
    return SchemaPair(declared, source, "db_feature1")


def merged(own: dict[str, Any], source: str = "db_test", allowed: SourceAllowance = STACK) -> dict[str, Any]:
    return GUARD.masks_of(pair(source), own, allowed)[0]


def test_a_guard_is_kept_as_text_and_comes_back_as_itself() -> None:
    assert DataGuard.parse(str(GUARD)) == GUARD
    assert DataGuard.parse(str(DataGuard.of(None))) == DataGuard()


def test_a_pull_request_adds_masks_and_takes_none_away() -> None:
    own: dict[str, Masks] = {"m_customers": {"EMAIL": "keep", "name": None}, "m_other": {"a": "hash"}}

    masks, warnings = GUARD.masks_of(pair("db_test"), own, STACK)

    assert masks["m_customers"] == {"email": "hash", "vip": "keep", "name": None}
    assert masks["m_other"] == {"a": "hash"}
    assert warnings == [
        "dagbranch.yaml: data.schemas.db.mask.m_customers.email: keep does not count, the default branch says hash"
    ]


def test_without_the_masks_of_a_pull_request_those_of_the_default_branch_stand() -> None:
    assert merged({}) == {"m_customers": {"email": "hash", "vip": "keep"}, "m_all": {"*": None}}


def test_a_new_column_is_shown_only_when_the_default_branch_names_it() -> None:
    assert merged({"m_customers": {"phone": "keep", "*": "keep"}})["m_customers"] == {"email": "hash", "vip": "keep"}


def test_a_star_of_the_default_branch_is_not_weakened_by_a_column() -> None:
    assert merged({"m_all": {"email": "seen"}})["m_all"] == {"*": None}


@pytest.mark.parametrize("source", ["db_test", "db_live", "other_catalog.db_live", "db"])
def test_masks_hold_whichever_source_a_pull_request_takes(source: str) -> None:
    assert merged({}, source)["m_customers"]["email"] == "hash"


def test_masks_hold_however_a_pull_request_comes_to_the_name_of_a_source() -> None:
    """``d`` with the suffix ``b_test`` is ``db_test`` too."""
    masks, _ = GUARD.masks_of(pair("db_test", declared="d"), {}, STACK)

    assert masks["m_customers"]["email"] == "hash"


def test_a_schema_whose_name_only_begins_like_another_is_another() -> None:
    anything = SourceAllowance(frozenset(), frozenset({"*"}))

    assert merged({}, "db_costs_test") == {}
    assert merged({}, "db_costs_test", anything) == {}
    assert merged({}, "db_sandbox", anything)["m_customers"]["email"] == "hash"


def test_only_the_very_table_that_the_default_branch_names_is_copied_past_its_protection() -> None:
    assert GUARD.permits_copy(pair("db_test"), "m_open")
    assert GUARD.permits_copy(pair("db_test"), "m_x1")
    assert not GUARD.permits_copy(pair("db_test"), "m_customers")
    assert not GUARD.permits_copy(pair("db_live"), "m_open")
    assert not GUARD.permits_copy(pair("other_catalog.db_test"), "m_open")
    assert GUARD.permits_copy(pair("marketing.db_costs_test"), "m_open")
    assert not GUARD.permits_copy(pair("db_costs_test"), "m_open")


def test_people_are_only_left_out() -> None:
    assert narrowed(["a", "b", "a"], None) == ("a", "b")
    assert narrowed(["a", "b"], ["b", "intruder"]) == ("b",)
    assert narrowed(["a"], []) == ()


names = st.sampled_from(["a", "B", "c", "*"])
masks = st.dictionaries(names, st.sampled_from(["hash", None, "keep", "x", 1]), max_size=3)
COLUMNS = {"a": "string", "b": "int", "c": "string", "new": "string"}


def lower(masks: Masks) -> dict[str, Mask]:
    return {name.lower(): mask for name, mask in masks.items()}


@given(demanded=masks, own=masks)
def test_no_pull_request_shows_more_of_a_table_than_the_default_branch_does(demanded: Masks, own: Masks) -> None:
    guard = DataGuard("_test", {"db": {"t": lower(demanded)}} if demanded else {"db": {}})
    known = ["a", "b", "c"]

    together = guard.masks_of(pair("db_test"), {"t": own}, STACK)[0].get("t", {})
    decided = guard.demanded(pair("db_test"), STACK).get("t")

    alone = {column.name: column.mask for column in masked(COLUMNS, lower(demanded), known)[0]} if demanded else {}
    for column in masked(COLUMNS, together, known, decided)[0] if demanded else []:
        assert column.name in alone
        assert alone[column.name] == column.mask or (
            alone[column.name] == "keep" and column.name not in lower(demanded)
        )
