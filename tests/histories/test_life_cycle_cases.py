"""Histories that once went wrong, as short as they could be made, and others that chance seldom makes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.policy import Policy
from tests.histories.simulated_github import KEEP_LABEL
from tests.histories.simulated_stack import SimulatedStack
from tests.histories.truth import check_convergence, rest


@pytest.fixture
def stack() -> SimulatedStack:
    return SimulatedStack(Policy())


def open_one(stack: SimulatedStack, kind: str = "one") -> PullRequest:
    return stack.github.make("acme/pipelines", "feature", kind, is_draft=False, is_fork=False)


def record(stack: SimulatedStack) -> Environment:
    (found,) = stack.registry.records
    return found


def begin_next(stack: SimulatedStack, function: str, effects: int) -> None:
    """A worker of this function that stands still after so many effects."""
    queue, message = next((queue, one) for queue, one in stack.deliverable() if queue.function == function)
    worker = stack.begin(queue, message)
    assert worker is not None
    stack.go_on(worker, effects)


def test_an_environment_comes_and_goes(stack: SimulatedStack) -> None:
    pull = open_one(stack, "attribution")
    rest(stack)
    assert record(stack).status == Status.READY

    stack.github.close(pull)
    rest(stack)

    assert record(stack).status == Status.REMOVED
    check_convergence(stack)


def test_an_archive_that_a_ci_job_puts_after_the_removal_goes_too(stack: SimulatedStack) -> None:
    pull = open_one(stack)
    rest(stack)
    stack.github.close(pull)
    rest(stack)

    stack.upload(pull)
    rest(stack)

    assert not stack.sources.objects


def test_an_archive_that_a_ci_job_puts_for_a_refused_pull_request_goes_too(stack: SimulatedStack) -> None:
    pull = stack.github.make("acme/pipelines", "feature", "one", is_draft=True, is_fork=False)
    stack.tick()
    rest(stack)
    assert record(stack).status == Status.REFUSED

    stack.upload(pull)
    rest(stack)

    assert not stack.sources.objects


def test_an_archive_for_one_that_waits_goes_when_it_is_closed(stack: SimulatedStack) -> None:
    stack.policy = Policy(is_paused=True)
    pull = open_one(stack)
    rest(stack)
    stack.upload(pull)
    rest(stack)

    stack.github.close(pull)
    rest(stack)

    assert record(stack).status == Status.REMOVED
    assert not stack.sources.objects


@pytest.mark.parametrize("effects", range(1, 14, 2))
def test_a_worker_that_fetches_until_after_the_removal_leaves_nothing(stack: SimulatedStack, effects: int) -> None:
    pull = open_one(stack)
    rest(stack)
    pull = stack.github.push(pull, "two")
    begin_next(stack, "FetchSource", effects)

    stack.github.close(pull)
    for _ in range(7):
        stack.work_off(20)
        stack.pass_time(15)
    rest(stack)

    assert record(stack).status == Status.REMOVED
    check_convergence(stack)


@pytest.mark.parametrize("function", ["FetchSource", "PackageDags", "ProvisionData", "VerifyEnvironment"])
@pytest.mark.parametrize("effects", range(0, 36, 9))
def test_a_worker_of_an_older_commit_that_goes_on_late_changes_nothing(
    stack: SimulatedStack, function: str, effects: int
) -> None:
    pull = open_one(stack, "attribution")
    while not any(queue.function == function for queue, _ in stack.deliverable()):
        stack.work_off(1)
    begin_next(stack, function, effects)

    stack.github.push(pull, "costs")
    for _ in range(3):
        stack.work_off(20)
        stack.pass_time(15)

    check_convergence(stack)


@pytest.mark.parametrize("reopens", [False, True])
@pytest.mark.parametrize("effects", range(1, 8))
def test_a_second_worker_at_a_removal_does_nothing_once_the_first_has_ended_it(
    stack: SimulatedStack, effects: int, *, reopens: bool
) -> None:
    pull = open_one(stack, "attribution")
    rest(stack)
    pull = stack.github.close(pull)
    stack.work_off(20)
    (message,) = stack.queues["RemoveEnvironmentQueue"].messages
    stack.queues["RemoveEnvironmentQueue"].put(message.body, stack.clock())
    begin_next(stack, "RemoveEnvironment", effects)

    for _ in range(9):
        stack.work_off(20)
        stack.pass_time(15)
    if reopens:
        stack.github.reopen(pull)
        stack.work_off(20)

    check_convergence(stack)


def test_a_draft_in_the_line_keeps_nobody_waiting(stack: SimulatedStack) -> None:
    stack.policy = Policy(most_environments=1)
    first, draft = open_one(stack), open_one(stack)
    rest(stack)
    open_one(stack)
    rest(stack)

    stack.github.set_draft(draft, is_draft=True)
    stack.github.close(first)

    check_convergence(stack)


def test_what_failed_while_airflow_stood_still_is_ready_once_it_goes_on(stack: SimulatedStack) -> None:
    stack.airflow.is_stalled = True
    open_one(stack)
    rest(stack)
    assert record(stack).status == Status.FAILED

    check_convergence(stack)

    assert record(stack).status == Status.READY


def test_where_nothing_fails_nobody_needs_the_sweep(stack: SimulatedStack) -> None:
    """Each of the template's rules leads where it should: what the sweep would repair is right without it."""
    github = stack.github
    pull = github.make("acme/pipelines", "feature", "attribution", is_draft=True, is_fork=False)
    rest(stack)
    assert record(stack).status == Status.REFUSED

    pull = github.set_draft(pull, is_draft=False)
    rest(stack)
    assert record(stack).status == Status.READY

    pull = github.push(pull, "costs")
    rest(stack)
    assert (record(stack).status, record(stack).head_sha) == (Status.READY, pull.head_sha)

    pull = github.close(pull)
    rest(stack)
    assert record(stack).status == Status.REMOVED

    github.reopen(pull)
    rest(stack)
    assert record(stack).status == Status.READY


def test_the_label_that_keeps_brings_an_expired_environment_back(stack: SimulatedStack) -> None:
    stack.policy = Policy(expire_after=timedelta(days=14), keep_label=KEEP_LABEL)
    pull = open_one(stack)
    rest(stack)
    stack.pass_time(15 * 86_400)
    stack.tick()
    rest(stack)
    assert record(stack).status == Status.REMOVED

    stack.github.toggle_label(pull, KEEP_LABEL)
    rest(stack)

    assert record(stack).status == Status.READY


def test_an_expired_environment_of_a_repository_that_went_from_the_list_is_asked_about_once(
    stack: SimulatedStack,
) -> None:
    stack.policy = Policy(expire_after=timedelta(days=14), keep_label=KEEP_LABEL)
    open_one(stack)
    rest(stack)
    stack.pass_time(15 * 86_400)
    stack.tick()
    rest(stack)
    assert record(stack).dismissed is not None

    stack.allowed = frozenset({"acme/costs"})

    check_convergence(stack)
