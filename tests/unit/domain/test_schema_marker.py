from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.schema_marker import SchemaMarker


@given(st.builds(SchemaMarker, st.text(), st.text(), st.integers(), st.text()))
def test_a_marker_is_one_line_and_reads_back_as_itself(marker: SchemaMarker) -> None:
    assert len(str(marker).splitlines()) == 1
    assert SchemaMarker.parse(str(marker)) == marker


@given(st.none() | st.text())
def test_any_other_comment_is_no_marker(comment: str | None) -> None:
    assert SchemaMarker.parse(comment) is None


@pytest.mark.parametrize(
    "comment",
    [
        "[]",
        "1",
        "[" * 100_000,
        '{"dagbranch": 1}',
        '{"dagbranch": 2, "environment": "f", "repository": "r", "pull_number": 1}',
        '{"dagbranch": 1, "environment": "f", "repository": "r", "pull_number": "1"}',
    ],
    ids=lambda comment: comment[:20],
)
def test_a_comment_that_lacks_something_is_no_marker(comment: str) -> None:
    assert SchemaMarker.parse(comment) is None


def test_the_owner_is_environment_and_pull_request_whatever_the_source() -> None:
    marker = SchemaMarker("feature1", "acme/pipelines", 1, "db_test")

    assert marker.same_owner(SchemaMarker("feature1", "acme/pipelines", 1, "db_live"))
    assert not marker.same_owner(SchemaMarker("feature1", "acme/pipelines", 2, "db_test"))
    assert not marker.same_owner(SchemaMarker("feature2", "acme/pipelines", 1, "db_test"))
    assert not marker.same_owner(SchemaMarker("feature1", "acme/other", 1, "db_test"))
    assert not marker.same_owner(None)


def test_what_changes_is_unsure_until_it_is_done() -> None:
    stands = SchemaMarker("f", "r", 1, "db_test", {"a": "1", "b": "2", "c": "3"})

    unsure = stands.unsure_of(SchemaMarker("f", "r", 1, "db_live", {"a": "1", "b": "5", "d": "4"}))

    assert unsure == SchemaMarker("f", "r", 1, "?", {"a": "1", "b": "?", "c": "?", "d": "?"})
    assert SchemaMarker.parse(str(unsure)) == unsure
    assert unsure.same_owner(stands)


def test_nothing_is_unsure_where_nothing_changes() -> None:
    marker = SchemaMarker("f", "r", 1, "db_test", {"a": "1"})

    assert marker.unsure_of(marker) == marker
