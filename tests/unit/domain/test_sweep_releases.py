from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY
from dagbranch.domain.policy import Policy
from dagbranch.domain.release_drift import StandingRelease
from dagbranch.domain.sweep import SweepPlan, plan_sweep
from dagbranch.domain.sweep_truths import STUCK_AFTER, Truths
from tests.fakes.examples import FIRST, NOW, REPOSITORY, SECOND
from tests.fakes.release_examples import a_release_record
from tests.fakes.report_examples import a_half

GONE = StandingRelease(None, has_configuration=True, copied={})
LONG_AGO = NOW - timedelta(days=400)


def a_release(**different: Any) -> Environment:
    return a_release_record(**{"status": Status.READY, "pipeline": a_half(12), "requested_at": LONG_AGO, **different})


def a_canary(**different: Any) -> Environment:
    return a_release(**{"pull_number": CANARY, "name": "stage_pipelines_next", "head_sha": SECOND, **different})


def swept(*environments: Environment, policy: Policy | None = None, **different: Any) -> SweepPlan:
    truths = Truths(environments, **{"open_pulls": {REPOSITORY: ()}, **different})
    return plan_sweep(truths, policy or Policy(), NOW, lane="stage", follow_base_hour=4)


def actions(plan: SweepPlan) -> Sequence[tuple[str, int]]:
    return [(one.kind, one.pull_number) for one in plan.actions]


def test_a_release_needs_no_pull_request_and_never_expires() -> None:
    plan = swept(a_release(), a_canary(), policy=Policy(expire_after=timedelta(days=7)))

    assert actions(plan) == []
    assert plan.strange == ()


def test_what_has_drifted_is_asked_for_again() -> None:
    plan = swept(a_release(), a_canary(), releases={"stage_pipelines": GONE, "stage_pipelines_next": GONE})

    assert actions(plan) == [("request", CANARY), ("request", 0)]
    assert {one.why for one in plan.actions} == {"its zip has gone from the bucket"}


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.DEPLOYING, Status.FAILED])
def test_only_what_is_ready_can_have_drifted(status: Status) -> None:
    assert actions(swept(a_release(status=status), releases={"stage_pipelines": GONE})) == []


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.DEPLOYING])
def test_a_request_that_got_stuck_is_asked_for_again(status: Status) -> None:
    stuck = a_release(status=status, updated_at=NOW - STUCK_AFTER - timedelta(seconds=1))

    plan = swept(stuck)

    assert actions(plan) == [("request", 0)]
    assert plan.actions[0].why == f"it got stuck at {status}"


def test_nothing_is_asked_for_while_the_stack_is_paused() -> None:
    plan = swept(a_release(), policy=Policy(is_paused=True), releases={"stage_pipelines": GONE})

    assert actions(plan) == []


def test_a_canary_whose_commit_has_become_the_release_is_removed() -> None:
    plan = swept(a_release(head_sha=SECOND), a_canary())

    assert actions(plan) == [("remove", CANARY)]
    assert plan.actions[0].why == "2222222 is the release now"


@pytest.mark.parametrize("release", [a_release(), a_release(head_sha=SECOND, status=Status.DEPLOYING)])
def test_a_canary_stays_until_its_commit_stands_as_the_release(release: Environment) -> None:
    assert actions(swept(release, a_canary())) == []


def test_a_canary_that_somebody_dropped_is_removed_though_the_message_was_lost() -> None:
    assert actions(swept(a_canary(unwanted="alice dropped it"))) == [("remove", CANARY)]


def test_a_removal_of_a_canary_that_got_stuck_is_asked_for_again() -> None:
    stuck = a_canary(status=Status.REMOVING, updated_at=NOW - STUCK_AFTER - timedelta(seconds=1))

    assert actions(swept(stuck)) == [("remove", CANARY)]


def test_dags_that_airflow_lost_are_looked_at_again() -> None:
    tags = frozenset({"stage_pipelines", f"commit:{FIRST[:7]}"})
    row = ListedDag("qu.b", "/dags/stage_pipelines.zip/x.py", tags, is_active=True, parsed_at=NOW)

    plan = swept(a_release(dag_ids=("qu.a", "qu.b")), standing={"stage_pipelines": None}, listed=[row])

    assert actions(plan) == [("verify", 0)]


def test_production_does_not_go_because_of_a_parameter() -> None:
    plan = swept(a_release(), open_pulls={}, releases={"stage_pipelines": GONE})

    assert actions(plan) == []
    assert plan.strange == (f"stage_pipelines is of {REPOSITORY}, which is not on this stack's list any more",)
