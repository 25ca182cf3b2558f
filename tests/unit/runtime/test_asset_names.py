"""What assets are called in an environment, without an Airflow."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dagbranch.runtime.asset_names import AssetNames

_names = st.from_regex(r"[A-Za-z0-9_./ -]{1,12}", fullmatch=True).filter(str.strip)
_uris = st.from_regex(r"(s3|file|x-own|postgres)://[a-z]{0,4}(/[a-z@.]{0,4}){0,4}(\?[a-z]=[a-z])?", fullmatch=True)
_texts = _names | _uris


@pytest.mark.parametrize(
    ("written", "own"),
    [
        ("orders", "orders@feature1"),
        ("team.orders", "team.orders@feature1"),
        ("/data/orders.csv", "/data/orders.csv@feature1"),
        ("s3://bucket/orders", "s3://bucket/orders?dagbranch=feature1"),
        ("s3://bucket/orders?part=1", "s3://bucket/orders?part=1&dagbranch=feature1"),
        ("x-team://orders#today", "x-team://orders?dagbranch=feature1#today"),
        ("postgres://host:5432/db/public/orders", "postgres://host:5432/db/public/orders?dagbranch=feature1"),
    ],
)
def test_an_environment_signs_its_names_behind_them_and_its_uris_in_the_query(written: str, own: str) -> None:
    assert AssetNames("feature1").own(written) == own


@settings(deadline=None)
@given(_texts)
def test_a_name_of_its_own_stays(text: str) -> None:
    names = AssetNames("feature1")

    assert names.own(names.own(text)) == names.own(text)


@settings(deadline=None)
@given(_texts, _texts)
def test_two_names_never_become_one(first: str, second: str) -> None:
    assume(first != second)

    assert AssetNames("feature1").own(first) != AssetNames("feature1").own(second)


@settings(deadline=None)
@given(_texts)
def test_two_environments_never_share_a_name(text: str) -> None:
    assert AssetNames("feature1").own(text) != AssetNames("feature2").own(text)


@settings(deadline=None)
@given(_names)
def test_a_name_leads_back_to_the_one_in_the_code(written: str) -> None:
    names = AssetNames("feature1")

    assert names.written(names.own(written)) == written


@pytest.mark.parametrize("refused", ["", "  ", "s3://[half"])
def test_what_airflow_refuses_is_left_for_it_to_refuse(refused: str) -> None:
    assert AssetNames("feature1").own(refused) == refused


@pytest.mark.parametrize("shared", ["orders", "s3://lake/raw/x", "[odd]"])
def test_a_shared_asset_keeps_its_name(shared: str) -> None:
    assert AssetNames("feature1", ("orders", "s3://lake/*", "[odd]")).own(shared) == shared


def test_an_asset_that_is_shared_by_its_uri_keeps_its_name_too() -> None:
    names = AssetNames("feature1", ("s3://lake/*",))

    assert names.of_one_asset({"name": "raw", "uri": "s3://lake/raw"}) == {"name": "raw", "uri": "s3://lake/raw"}
    assert names.of_one_asset({"name": "raw", "uri": "s3://other"})["name"] == "raw@feature1"


def test_all_may_be_shared() -> None:
    assert AssetNames("feature1", ("*",)).own("s3://bucket/orders?a=b") == "s3://bucket/orders?a=b"
