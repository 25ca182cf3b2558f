from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.masks import HASH, KEEP, Mask, Projected, fault_of, hiding, mask_faults, masked, projection
from dagbranch.domain.predicates import render
from dagbranch.errors import UnsafeStatementError


def rendered(name: str, kind: str, mask: Mask) -> str:
    (tree,) = projection([Projected(name, kind, mask)])
    return render(tree)


@pytest.mark.parametrize(
    ("kind", "mask", "expected"),
    [
        ("string", KEEP, "`c`"),
        ("string", HASH, "SHA2(`c`, 256) AS `c`"),
        ("varchar(64)", HASH, "SHA2(`c`, 256) AS `c`"),
        ("int", HASH, "IF(`c` IS NULL, NULL, HASH(`c`)) AS `c`"),
        ("bigint", HASH, "IF(`c` IS NULL, NULL, XXHASH64(`c`)) AS `c`"),
        ("struct<`a b`: int>", None, "IF(FALSE, `c`, NULL) AS `c`"),
        ("anything that cannot be written down", None, "IF(FALSE, `c`, NULL) AS `c`"),
        ("string", "it's \\ -- ;", "CAST('it\\'s \\\\ -- ;' AS STRING) AS `c`"),
        ("char(9)", "redacted", "CAST('redacted' AS STRING) AS `c`"),
        ("date", "2000-01-01", "CAST('2000-01-01' AS DATE) AS `c`"),
        ("timestamp", "2000-01-01 10:00", "CAST('2000-01-01 10:00' AS TIMESTAMP) AS `c`"),
        ("boolean", False, "CAST(FALSE AS BOOLEAN) AS `c`"),
        ("tinyint", -1, "CAST(-1 AS TINYINT) AS `c`"),
        ("bigint", 1.0, "CAST(1 AS BIGINT) AS `c`"),
        ("decimal(10,2)", 1.25, "CAST('1.25' AS DECIMAL(10, 2)) AS `c`"),
        ("double", 1e300, "CAST('1e+300' AS DOUBLE) AS `c`"),
    ],
)
def test_a_mask_stands_in_the_place_of_its_column_with_its_type(kind: str, mask: Mask, expected: str) -> None:
    assert rendered("c", kind, mask) == expected
    assert fault_of(mask, kind) is None


@pytest.mark.parametrize(
    ("kind", "mask"),
    [
        ("varchar(63)", HASH),
        ("char(2)", HASH),
        ("string collate utf8_lcase", HASH),
        ("date", HASH),
        ("smallint", HASH),
        ("struct<a: int>", HASH),
        ("date", "redacted"),
        ("date", "20000101"),
        ("date", "2000-W01-1"),
        ("date", "2000-02-30"),
        ("date", "\u0662000-01-01"),
        ("timestamp", "yesterday"),
        ("int", "0"),
        ("int", 1.5),
        ("int", 2**31),
        ("tinyint", -129),
        ("decimal(3,1)", 100),
        ("decimal(3,1)", 0.25),
        ("string", 0),
        ("string", True),
        ("boolean", 1),
        ("boolean", "true"),
        ("varchar(3)", "abcd"),
        ("binary", "x"),
        ("array<string>", "x"),
    ],
)
def test_what_cannot_take_a_columns_place_is_told_in_words(kind: str, mask: Mask) -> None:
    fault = fault_of(mask, kind)

    assert fault is not None
    assert kind in fault
    assert "take null" in fault


def test_faults_are_told_by_column_and_name_what_there_is() -> None:
    columns = {"Id": "int", "Email": "string"}

    assert mask_faults(columns, {"id": "hash", "email": 1, "phone": None, "*": "hash"}) == {
        "email": "1 is no value of string: take null, or a value of that type, in quotes",
        "phone": "there is no column phone: expected one of Id, Email",
    }


def test_columns_are_masked_whatever_their_case_and_in_their_order() -> None:
    columns = {"ID": "int", "Name": "string", "born": "date"}

    shown, held = masked(columns, {"name": "redacted", "BORN": None}, ["id", "name", "born"])

    assert shown == [Projected("ID", "int"), Projected("Name", "string", "redacted"), Projected("born", "date", None)]
    assert held == []


def test_a_column_that_nobody_knows_is_held_back_until_it_is_named() -> None:
    columns = {"id": "int", "email": "string", "phone": "string"}

    assert masked(columns, {"email": "hash"}, ["id", "email"])[1] == ["phone"]
    assert masked(columns, {"email": "hash", "phone": "keep"}, ["id", "email"])[1] == []
    assert masked(columns, {"email": "hash", "*": "keep"}, ["id", "email"])[1] == []


def test_a_star_stands_for_every_column_that_is_not_named_and_is_null_where_it_does_not_fit() -> None:
    columns = {"id": "int", "email": "string", "born": "date", "tags": "array<string>"}

    shown, held = masked(columns, {"*": "hash", "id": "keep"}, [])

    assert [column.mask for column in shown] == ["keep", "hash", None, None]
    assert held == []


def test_a_mask_that_no_longer_fits_its_column_is_null_and_never_the_column() -> None:
    (shown,), _ = masked({"email": "struct<a: string>"}, {"email": "redacted"}, ["email"])

    assert shown.mask is None


masks = st.dictionaries(st.sampled_from(["a", "b", "c", "*"]), st.sampled_from([HASH, None, KEEP, "x", 1, True]))
columns = st.dictionaries(st.sampled_from(["a", "B", "c", "d"]), st.sampled_from(["string", "int", "date", "map<x>"]))


@given(columns, masks, st.sets(st.sampled_from(["a", "b", "c", "d"])))
def test_what_is_shown_as_it_is_was_named_or_known(
    found: dict[str, str], given_: dict[str, Mask], known: set[str]
) -> None:
    shown, held = masked(found, given_, known)

    for column in shown:
        name = column.name.lower()
        if column.mask == KEEP:
            assert given_.get(name, given_.get("*", KEEP)) == KEEP
            assert name in known or given_.get(name) == KEEP or given_.get("*") == KEEP
        else:
            assert fault_of(column.mask, column.type) is None
    assert [column.name for column in shown] == [name for name in found if name not in held]


def test_what_hides_is_everything_but_keep() -> None:
    assert hiding({"A": "hash", "b": None, "c": "keep", "*": "x"}) == {"a": "hash", "b": None, "*": "x"}


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00", "x" * 256])
def test_what_is_no_name_of_a_column_is_not_built(name: str) -> None:
    with pytest.raises(UnsafeStatementError, match="no name of a column"):
        rendered(name, "string", HASH)


def test_an_odd_name_is_quoted() -> None:
    assert rendered("a `b` ü", "string", HASH) == "SHA2(`a ``b`` ü`, 256) AS `a ``b`` ü`"


@pytest.mark.parametrize(("kind", "mask"), [("date", HASH), ("no such type(", "x")])
def test_what_has_no_hash_or_type_is_not_built(kind: str, mask: Mask) -> None:
    with pytest.raises(UnsafeStatementError):
        rendered("a", kind, mask)
