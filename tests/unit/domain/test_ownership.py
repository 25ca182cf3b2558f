from __future__ import annotations

from typing import Any

import pytest

from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.ownership import Owner, carries, marker_of
from tests.fakes.examples import an_environment


def test_the_marker_names_the_pull_request_and_not_the_environment() -> None:
    assert marker_of(an_environment(name=None)) == marker_of(an_environment())
    assert carries({**marker_of(an_environment()), "more": "x"}, marker_of(an_environment()))


@pytest.mark.parametrize("different", [{"lane": "stage"}, {"repository_id": 5}, {"pull_number": 2}])
def test_another_lanes_or_pull_requests_marker_proves_nothing(different: dict[str, Any]) -> None:
    assert not carries(marker_of(an_environment(**different)), marker_of(an_environment()))


def test_no_marker_proves_nothing() -> None:
    assert not carries({}, marker_of(an_environment()))


@pytest.mark.parametrize("number", [7, RELEASE, CANARY])
def test_an_owner_is_read_from_the_marker_that_it_wrote(number: int) -> None:
    owned = an_environment(lane="prod", pull_number=number)

    assert Owner.of(marker_of(owned)) == Owner("prod", owned.repository_id, number)


@pytest.mark.parametrize("number", ["", "-2", "x", "1.5"])
def test_other_numbers_prove_nothing(number: str) -> None:
    assert Owner.of({**marker_of(an_environment()), "dagbranch-pull-number": number}) is None
