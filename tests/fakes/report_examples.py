"""Environments with all that can be told of them, in each of their states."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.domain.environments import Environment, Half, Removal, Status
from dagbranch.domain.github_pages import GitHubPages
from dagbranch.domain.overview import BaseChanges, Overview, SchemaOverview
from dagbranch.domain.reports import Answer
from tests.fakes.examples import FIRST, NOW, an_environment

AIRFLOW = AirflowPages("https://0a1b2c3d.c3.eu-central-1.airflow.amazonaws.com", "3.0.6")
GITHUB = GitHubPages()
WARNING = "dags/qu/main/test_dag.py:3: the SQL of this statement cannot be read"
OVERVIEW = Overview(
    BaseChanges(
        added=("dags/qu/main/new.py",),
        changed=("dags/qu/main/test_dag.py",),
        removed=("dags/qu/main/gone.py",),
        new_outputs=("db_attribution_feature1.m_roi",),
    ),
    (
        SchemaOverview(
            "db_attribution_feature1",
            "db_attribution_test",
            12,
            ("m_roi", "m_model"),
            seeded=("m_roi",),
            masked=("m_customers",),
        ),
    ),
    {
        "qu.feature1.new_dag": "dags/qu/main/new.py",
        "qu.feature1.test_dag": "dags/qu/main/test_dag.py",
        "qu.feature1.other": "dags/qu/main/other.py",
    },
)


def a_half(seconds: float, **different: Any) -> Half:
    usual = Half("d" * 64, FIRST, 1, NOW + timedelta(seconds=seconds))
    return replace(usual, **different)


def a_ready_one(**different: Any) -> Environment:
    usual = an_environment(
        status=Status.READY,
        pipeline=a_half(12, message=WARNING),
        data=a_half(8),
        message=WARNING,
        dag_ids=tuple(OVERVIEW.modules),
        ready_at=NOW + timedelta(seconds=41),
        overview=OVERVIEW,
        pages=AIRFLOW,
        schemas=("db_attribution_feature1",),
        verified_generation=1,
    )
    return replace(usual, **different)


def a_deploying_one(**different: Any) -> Environment:
    usual = a_ready_one(status=Status.DEPLOYING, ready_at=None, data=None, dag_ids=(), message="")
    return replace(usual, **different)


def a_failed_one(message: str, **different: Any) -> Environment:
    return a_ready_one(status=Status.FAILED, message=message, ready_at=None, **different)


def a_waiting_one(**different: Any) -> Environment:
    message = "the server has room for 3 environments, and 3 stand; place 2 in the line"
    return an_environment(status=Status.WAITING, name=None, place=2, message=message, **different)


def a_refused_one(message: str = "the pull request is a draft", **different: Any) -> Environment:
    return an_environment(status=Status.REFUSED, name=None, message=message, **different)


def a_removing_one(reason: str = "its pull request is not open", **different: Any) -> Environment:
    removal = Removal(NOW, reason)
    return a_ready_one(status=Status.REMOVING, generation=2, removal=removal, message=reason, **different)


def a_removed_one(reason: str = "its pull request is not open", **different: Any) -> Environment:
    receipt = {
        "environment": "feature1",
        "reason": reason,
        "dag_ids": ["qu.feature1.test_dag"],
        "ended_runs": ["qu.feature1.test_dag/manual__1"],
        "schemas": ["db_attribution_feature1"],
        "not_seen": [],
    }
    return an_environment(status=Status.REMOVED, generation=2, message=reason, receipt=receipt, **different)


def all_states(message: str = "a message") -> list[Environment]:
    return [
        a_refused_one(message),
        a_refused_one(message, awaits_approval=True),
        a_waiting_one(),
        a_ready_one(status=Status.REQUESTED, pipeline=None, data=None, overview=Overview(), dag_ids=()),
        a_deploying_one(),
        a_ready_one(message=message),
        a_failed_one(message, failed_in_airflow=True),
        a_removing_one(message),
        a_removed_one(message),
        a_removed_one(message, dismissed=FIRST),
    ]


def an_answer(number: int = 1, **different: Any) -> Answer:
    usual = Answer(number, "anna", "keep", "taken: it does not expire", "eyes", NOW + timedelta(minutes=number))
    return replace(usual, **different)
