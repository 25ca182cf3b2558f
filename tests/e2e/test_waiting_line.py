"""A stack that is full, on the deployed template: who comes later waits, is told the place, and gets its turn."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from dagbranch.domain.environments import Environment, Status
from local.demo import observation
from local.processes import wait_until
from tests.e2e.conftest import MOST_ENVIRONMENTS, Told, settled

pytestmark = pytest.mark.parametrize("told", ["2"], indirect=True, ids=["airflow-2"])


@dataclass(frozen=True)
class Line:
    """The two that came too late: as they waited, and after one environment was removed."""

    before: list[Environment]
    after: list[Environment]


@pytest.fixture(scope="module")
def line(told: Told) -> Line:
    assert told.line is not None
    repository, (first, second) = told.repository, told.line.pulls
    turned = settled(told.stack, repository, first)  # called by the story's removal
    told.stack.sweep()

    def last() -> Environment:
        found = observation.registered(told.stack, repository.id, second.number)
        assert found is not None
        return found

    wait_until(lambda: last().place == 1, what="the second is told its new place", deadline_seconds=60)
    return Line(told.line.waiting, [turned, last()])


def test_a_pull_request_above_the_limit_waits_and_is_told_its_place(line: Line) -> None:
    assert [one.status for one in line.before] == [Status.WAITING, Status.WAITING]
    assert [one.place for one in line.before] == [1, 2]
    for one in line.before:
        assert f"room for {MOST_ENVIRONMENTS} environments, and {MOST_ENVIRONMENTS} stand" in one.message
        assert f"place {one.place} in the line" in one.message


def test_who_waited_longest_gets_the_place_that_a_removal_left(line: Line) -> None:
    turned, last = line.after

    assert turned.name == "import_error"
    assert turned.status == Status.FAILED
    assert "qu/broken.py:4" in turned.message
    assert (last.status, last.place) == (Status.WAITING, 1)
    assert "place 1 in the line" in last.message
