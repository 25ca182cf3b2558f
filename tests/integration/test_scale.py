"""What grows with the number of environments and what must not: requests, counted at the real adapters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from benchmarks.parts.scale_github import REPOSITORY, TOKEN, Pulls
from benchmarks.parts.scale_meter import Tally
from benchmarks.parts.scale_stack import ScaleStack
from dagbranch.adapters.github import PyGithubGitHub

FEW, MORE = 3, 11
_WRITES = ("DynamoDB TransactWriteItems", "DynamoDB PutItem", "DynamoDB UpdateItem", "S3 PutObject", "S3 DeleteObjects")


@pytest.fixture
def pulls(tmp_path: Path) -> Iterator[Pulls]:
    made = Pulls(tmp_path / "github")
    with made.github:
        yield made


def filled(pulls: Pulls, environments: int, dags: int = 5) -> ScaleStack:
    """So many environments that stand, already swept once: the first sweep notes when it was."""
    stack = ScaleStack(pulls.github.url, pulls.repository.id, [f"pipeline_{number}" for number in range(dags)])
    pulls.open(range(1, environments + 1))
    stack.fill(range(1, environments + 1), pulls.head_sha)
    stack.sweep()
    stack.taken()
    pulls.requests()
    return stack


def removals(pulls: Pulls, environments: int, closed: int, dags: int = 5) -> Tally:
    """What it takes to remove some of so many."""
    with mock_aws():
        stack = filled(pulls, environments, dags)
        pulls.close(range(1, closed + 1))
        asked = stack.sweep()
        stack.taken()
        stack.remove(asked)
        return stack.taken()


def writes(tally: Tally) -> int:
    return sum(tally.requests[name] for name in _WRITES)


def test_a_thousand_open_pull_requests_are_listed_in_at_most_fifteen_requests(pulls: Pulls) -> None:
    pulls.open(range(1, 1001))
    pulls.requests()

    found = PyGithubGitHub(pulls.github.url, TOKEN).open_pull_requests(REPOSITORY)

    assert {pull.number for pull in found} == set(range(1, 1001))
    assert pulls.requests() <= 15


def test_an_idle_sweep_writes_nothing_and_asks_nothing_for_each_environment(pulls: Pulls) -> None:
    with mock_aws():
        few, more = filled(pulls, FEW), Tally()
        few.sweep()
        first = few.taken()
    with mock_aws():
        many = filled(pulls, MORE)
        asked = many.sweep()
        more = many.taken()

    assert asked == []
    assert (writes(first), writes(more), more.events) == (0, 0, 0)
    assert more.requests == first.requests


def test_a_sweep_asks_for_what_it_found_in_batches_of_ten_and_writes_nothing_itself(pulls: Pulls) -> None:
    with mock_aws():
        stack = filled(pulls, MORE)
        pulls.close(range(1, MORE + 1))

        asked = stack.sweep()
        tally = stack.taken()

    assert [event.pull_number for _, event in asked] == list(range(1, MORE + 1))
    assert (tally.events, tally.requests["EventBridge PutEvents"], writes(tally)) == (MORE, 2, 0)


def test_a_removal_asks_as_much_of_everything_however_many_environments_stand_and_go(pulls: Pulls) -> None:
    one_of_few = removals(pulls, FEW, closed=1)
    two_of_more = removals(pulls, MORE, closed=2)

    assert two_of_more.requests == {name: 2 * count for name, count in one_of_few.requests.items()}


def test_a_removal_notes_the_end_of_twenty_dags_as_often_as_that_of_two(pulls: Pulls) -> None:
    two, twenty = removals(pulls, 1, closed=1, dags=2), removals(pulls, 1, closed=1, dags=20)

    assert writes(twenty) == writes(two)
    assert twenty.requests["Airflow DELETE /dags/{dag_id}"] == 20
