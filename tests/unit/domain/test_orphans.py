from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.orphans import (
    Known,
    Orphan,
    catalog_of,
    orphans_in_airflow,
    orphans_in_buckets,
    orphans_in_warehouse,
    schemas_of,
)
from dagbranch.domain.ownership import Owner
from dagbranch.domain.schema_marker import SchemaMarker
from tests.fakes.examples import NOW, REPOSITORY, REPOSITORY_ID, an_environment

OURS = Owner("preview", REPOSITORY_ID, 7)
KEY = (REPOSITORY_ID, 7)


def known(*environments: Environment, open_keys: tuple[tuple[int, int], ...] = (), **different: Any) -> Known:
    usual = Known("preview", {one.key: one for one in environments}, open_keys, {REPOSITORY_ID: REPOSITORY})
    return replace(usual, **different)


def seventh(**different: Any) -> Environment:
    return an_environment(**{"pull_number": 7, "name": "old", **different})


# Buckets


def test_what_carries_the_marker_of_a_pull_request_that_is_gone_is_an_orphan() -> None:
    (orphan,) = orphans_in_buckets({"old": OURS}, known())

    assert orphan == Orphan(KEY, REPOSITORY, "old", "old outlived its record")


@pytest.mark.parametrize("status", [Status.REFUSED, Status.REMOVED])
def test_what_stands_although_its_record_is_at_its_end_is_an_orphan(status: Status) -> None:
    assert list(orphans_in_buckets({"old": OURS}, known(seventh(status=status)))) != []


def test_what_has_no_marker_is_told_and_left() -> None:
    (told,) = orphans_in_buckets({"by_hand": None}, known())

    assert isinstance(told, str)
    assert "by_hand.zip or by_hand/" in told


@pytest.mark.parametrize(
    "around",
    [
        known(seventh(status=Status.READY)),
        known(seventh(status=Status.WAITING)),
        known(open_keys=(KEY,)),
    ],
    ids=["its record is live", "it waits for its turn", "it is open and has no record yet"],
)
def test_what_the_ordinary_work_looks_after_is_no_orphan(around: Known) -> None:
    assert list(orphans_in_buckets({"old": OURS}, around)) == []


def test_what_another_lane_made_is_that_lanes_affair() -> None:
    assert list(orphans_in_buckets({"old": replace(OURS, lane="stage")}, known())) == []


def test_an_unknown_repositorys_is_told_where_all_repositories_could_be_read() -> None:
    foreign = {"old": Owner("preview", 5, 7)}

    (told,) = orphans_in_buckets(foreign, known())

    assert isinstance(told, str)
    assert list(orphans_in_buckets(foreign, known(is_complete=False))) == []


def test_a_second_name_of_a_live_pull_request_is_told_and_left() -> None:
    (told,) = orphans_in_buckets({"older": OURS}, known(seventh(status=Status.READY)))

    assert isinstance(told, str)


# Airflow


def row(zip_name: str, *tags: str) -> ListedDag:
    location = f"/usr/local/airflow/dags/{zip_name}.zip/dag__a.py"
    return ListedDag(f"qu.{zip_name}.a", location, frozenset(tags or (zip_name,)), is_active=False, parsed_at=None)


def test_rows_of_a_zip_that_is_gone_are_of_who_had_its_name_last() -> None:
    earlier = an_environment(status=Status.REMOVED, name="old", updated_at=NOW - timedelta(days=1))

    (orphan,) = orphans_in_airflow([row("old")], {}, known(seventh(status=Status.REMOVED), earlier))

    assert isinstance(orphan, Orphan)
    assert (orphan.key, orphan.name) == (KEY, "old")


def test_rows_whose_name_nobody_ever_had_are_told_and_left() -> None:
    (told,) = orphans_in_airflow([row("theirs")], {}, known())

    assert isinstance(told, str)


def test_rows_of_a_name_that_is_claimed_or_stands_or_without_its_tag_are_no_orphans() -> None:
    removed = seventh(status=Status.REMOVED)
    claimed = an_environment(status=Status.REQUESTED, name="old")

    assert list(orphans_in_airflow([row("old")], {}, known(removed, claimed))) == []
    assert list(orphans_in_airflow([row("old")], {"old": OURS}.keys(), known(removed))) == []
    assert list(orphans_in_airflow([row("old", "another")], {}, known(removed))) == []


# The warehouse


def marked(**different: Any) -> SchemaMarker:
    return replace(SchemaMarker("old", REPOSITORY, 7), **different)


def test_schemas_that_outlived_their_pull_request_are_one_orphan() -> None:
    (orphan,) = orphans_in_warehouse({"b_old": marked(), "a_old": marked()}, known())

    assert isinstance(orphan, Orphan)
    assert (orphan.key, orphan.name, orphan.schemas) == (KEY, "old", ("a_old", "b_old"))


def test_schemas_of_another_stack_or_lane_are_none_of_ours() -> None:
    foreign = {"a": marked(repository="acme/other"), "b": marked(lane="stage")}

    assert list(orphans_in_warehouse(foreign, known())) == []


def test_a_schema_that_a_settled_record_does_not_know_is_told_and_left() -> None:
    ready = seventh(status=Status.READY, schemas=("a_old",))

    (told,) = orphans_in_warehouse({"a_old": marked(), "b_old": marked()}, known(ready))

    assert told == f"b_old: made for {REPOSITORY}#7, and not on its record"
    assert list(orphans_in_warehouse({"b_old": marked()}, known(replace(ready, status=Status.DEPLOYING)))) == []


def test_catalogs_are_known_from_what_stands_and_from_receipts() -> None:
    gone = an_environment(status=Status.REMOVED, receipt={"schemas": ["marketing.a_old"]})

    assert schemas_of(gone) == ["marketing.a_old"]
    assert [catalog_of(one) for one in ("marketing.a_old", "a_old")] == ["marketing", None]


# Release lanes


def test_a_canary_that_outlived_its_record_is_an_orphan_as_any() -> None:
    owner = Owner("stage", REPOSITORY_ID, CANARY)

    (orphan,) = orphans_in_buckets({"stage_pipelines_next": owner}, known(lane="stage"))

    assert isinstance(orphan, Orphan)
    assert orphan.key == (REPOSITORY_ID, CANARY)


def test_a_release_without_a_record_is_told_and_left() -> None:
    owner = Owner("stage", REPOSITORY_ID, RELEASE)
    marker = SchemaMarker("stage_pipelines", REPOSITORY, RELEASE, lane="stage")

    (in_a_bucket,) = orphans_in_buckets({"stage_pipelines": owner}, known(lane="stage"))
    (in_the_warehouse,) = orphans_in_warehouse({"db_attribution_stage": marker}, known(lane="stage"))

    assert in_a_bucket == "stage_pipelines is of a repository's release, which is not on record: it is left alone"
    assert in_the_warehouse == "db_attribution_stage: of a repository's release, which is not on record: left alone"


def test_what_carries_a_releases_marker_is_no_orphan_while_its_record_lives() -> None:
    release = an_environment(pull_number=RELEASE, lane="stage", name="stage_pipelines", schemas=("db_stage",))
    marker = SchemaMarker("stage_pipelines", REPOSITORY, RELEASE, lane="stage")
    around = known(release, lane="stage")

    assert list(orphans_in_buckets({"stage_pipelines": None}, around)) == []
    assert list(orphans_in_warehouse({"db_stage": marker}, around)) == []
