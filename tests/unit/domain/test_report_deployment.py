from __future__ import annotations

import pytest

from dagbranch.domain.environments import Environment
from dagbranch.domain.report_deployment import deployments_to_put
from dagbranch.domain.reports import DeploymentState, PostedDeployment
from tests.fakes.examples import FIRST, SECOND
from tests.fakes.report_examples import (
    AIRFLOW,
    a_deploying_one,
    a_failed_one,
    a_ready_one,
    a_refused_one,
    a_removed_one,
    a_removing_one,
    a_waiting_one,
)

type Put = list[tuple[str, DeploymentState, int | None]]


def standing(state: DeploymentState, head_sha: str = FIRST) -> PostedDeployment:
    return PostedDeployment(7, head_sha, state, "digest")


def put(record: Environment, before: PostedDeployment | None) -> Put:
    return [(one.head_sha, one.state, number) for one, number in deployments_to_put(record, before)]


@pytest.mark.parametrize(
    ("record", "state"),
    [(a_deploying_one(), "in_progress"), (a_ready_one(), "success"), (a_failed_one("no"), "failure")],
)
def test_one_per_commit_follows_its_state(record: Environment, state: DeploymentState) -> None:
    assert put(record, None) == [(FIRST, state, None)]
    assert put(record, standing("in_progress")) == [(FIRST, state, 7)]


def test_a_newer_commit_ends_the_older_ones_before_its_own_begins() -> None:
    assert put(a_deploying_one(head_sha=SECOND), standing("success")) == [
        (FIRST, "inactive", 7),
        (SECOND, "in_progress", None),
    ]


@pytest.mark.parametrize("record", [a_removing_one(), a_removed_one(), a_refused_one(), a_waiting_one()])
def test_what_goes_ends_what_stands_and_begins_nothing(record: Environment) -> None:
    assert put(record, standing("success")) == [(FIRST, "inactive", 7)]
    assert put(record, standing("inactive")) == []
    assert put(record, None) == []


def test_what_was_ended_is_not_taken_up_again() -> None:
    assert put(a_deploying_one(), standing("inactive")) == [(FIRST, "in_progress", None)]


def test_it_leads_into_airflow_and_is_of_the_lanes_environment() -> None:
    ((deployment, _),) = deployments_to_put(a_ready_one(), None)

    assert deployment.environment == "dagbranch/preview"
    assert deployment.url == f"{AIRFLOW.url}/dags?tags=feature1"
    assert deployment.description == "feature1 is ready: 3 DAGs in Airflow"


@pytest.mark.parametrize("record", [a_deploying_one(head_sha=SECOND), a_deploying_one(), a_removed_one()])
def test_one_that_github_has_refused_to_make_is_not_ended(record: Environment) -> None:
    refused = PostedDeployment(None, FIRST, "in_progress", "digest")

    assert [(state, number) for _, state, number in put(record, refused) if state == "inactive" or number] == []
