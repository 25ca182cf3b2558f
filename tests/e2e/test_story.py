"""The demo's story as assertions, on a real Airflow of both lines, real Spark and the deployed template."""

from __future__ import annotations

import pytest

from local.demo.checks import check_opened, check_pushed, check_ran, check_removed
from local.demo.repository import BRANCHES
from tests.e2e.conftest import Told


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_pull_request_becomes_an_environment_with_its_own_dags_and_data(told: Told, branch: str) -> None:
    check_opened(told.opened[branch])


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_preview_has_no_schedule(told: Told, branch: str) -> None:
    schedules = {dag.schedule for dag in told.opened[branch].dags}

    assert schedules <= {None, "None", "Never, external triggers only"}


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_step_was_taken_within_its_time(told: Told, branch: str) -> None:
    """The aim is 60 s to active on a quiet machine (`make demo` shows it); this bound only catches what hangs."""
    seconds = told.opened[branch].seconds

    assert seconds.keys() == {"source archive", "zip in the bucket", "views made", "verified", "active in Airflow"}
    assert max(seconds.values()) < 240


def test_a_run_reads_its_own_views_and_writes_its_own_table(told: Told) -> None:
    check_ran(told.ran)


def test_a_new_commit_moves_its_environment_and_no_other(told: Told) -> None:
    check_pushed(told.opened["feature2"], told.pushed)


def test_the_sweep_removes_what_a_lost_webhook_left_and_nothing_else(told: Told) -> None:
    check_removed(told.removed)
