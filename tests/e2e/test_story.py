"""The demo's story as assertions, on a real Airflow of both lines, real Spark and the deployed template."""

from __future__ import annotations

import re

import pytest

from dagbranch.domain.ownership import marker_of
from local.demo.checks import check_opened, check_pushed, check_ran, check_removed
from local.demo.repository import BRANCHES
from tests.e2e.conftest import Told


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_pull_request_becomes_an_environment_with_its_own_dags_and_data(told: Told, branch: str) -> None:
    check_opened(told.opened[branch])


@pytest.mark.parametrize("branch", BRANCHES)
def test_job_code_lies_under_the_environments_own_prefix_with_its_marker(told: Told, branch: str) -> None:
    job_code = told.opened[branch].job_code

    (key,) = job_code
    assert re.fullmatch(rf"artifacts/{branch}/[0-9a-f]{{64}}/jobs/budget\.py", key)
    assert job_code[key] == marker_of(told.opened[branch].environment)


def test_job_code_that_did_not_change_keeps_its_place(told: Told) -> None:
    assert told.pushed.job_code == told.opened["feature2"].job_code


def test_a_task_runs_the_job_code_of_its_own_pull_request(told: Told) -> None:
    assert told.ran.budget == "search 600, social 600"


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_preview_has_no_schedule(told: Told, branch: str) -> None:
    schedules = {dag.schedule for dag in told.opened[branch].dags}

    assert schedules <= {None, "None", "Never, external triggers only"}


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_step_was_taken_within_its_time(told: Told, branch: str) -> None:
    """The aim is 60 s to active on a quiet machine (`make demo` shows it); this bound only catches what hangs."""
    seconds = told.opened[branch].seconds

    on_the_pull = {"first comment", "told that it is ready"}
    assert seconds.keys() == on_the_pull | {
        "source archive",
        "zip in the bucket",
        "views made",
        "verified",
        "active in Airflow",
    }
    assert max(seconds.values()) < 240


def test_a_run_reads_its_own_views_and_writes_its_own_table(told: Told) -> None:
    check_ran(told.ran)


def test_a_new_commit_moves_its_environment_and_no_other(told: Told) -> None:
    check_pushed(told.opened["feature2"], told.pushed)


def test_the_sweep_removes_what_a_lost_webhook_left_and_nothing_else(told: Told) -> None:
    check_removed(told.removed)
