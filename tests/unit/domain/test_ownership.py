from __future__ import annotations

from typing import Any

import pytest

from dagbranch.domain.ownership import carries, marker_of
from tests.fakes.examples import an_environment


def test_the_marker_names_the_pull_request_and_not_the_environment() -> None:
    assert marker_of(an_environment(name=None)) == marker_of(an_environment())
    assert carries({**marker_of(an_environment()), "more": "x"}, marker_of(an_environment()))


@pytest.mark.parametrize("different", [{"lane": "stage"}, {"repository_id": 5}, {"pull_number": 2}])
def test_another_lanes_or_pull_requests_marker_proves_nothing(different: dict[str, Any]) -> None:
    assert not carries(marker_of(an_environment(**different)), marker_of(an_environment()))


def test_no_marker_proves_nothing() -> None:
    assert not carries({}, marker_of(an_environment()))
