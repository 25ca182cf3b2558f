from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from dagbranch.domain.data_changes import (
    check_may_seed,
    check_no_seed_runs,
    compared,
    reason_not_to_renew,
    reset_begun,
    seed_lease,
)
from dagbranch.domain.environments import Environment, Half, Status
from dagbranch.domain.leases import with_lease
from dagbranch.domain.requests import DataRequest
from dagbranch.errors import NotYetError, SupersededError
from tests.fakes.examples import FIRST, NOW, PULL_NUMBER, REPOSITORY, REPOSITORY_ID, an_environment

LATER = NOW + timedelta(seconds=61)


def standing(**different: Any) -> Environment:
    return replace(an_environment(status=Status.READY, data=Half("d", FIRST, 1, NOW)), **different)


def asked(kind: Literal["reset", "check"]) -> DataRequest:
    return DataRequest(kind, REPOSITORY_ID, REPOSITORY, PULL_NUMBER, NOW)


def test_a_worker_at_a_table_is_waited_for_until_its_lease_ends() -> None:
    environment = with_lease(standing(), seed_lease("s.t"), "seeder", NOW, 60)

    with pytest.raises(NotYetError, match=r"seed s\.t"):
        check_no_seed_runs(environment, NOW)
    check_no_seed_runs(environment, LATER)
    check_no_seed_runs(with_lease(standing(), "data", "maker", NOW, 60), NOW)


@pytest.mark.parametrize(("dropped", "waits"), [({"s.t"}, True), ({"s"}, True), ({"s.other", "t"}, False)])
def test_only_the_worker_whose_table_or_schema_goes_is_waited_for(dropped: set[str], *, waits: bool) -> None:
    environment = with_lease(standing(), seed_lease("s.t"), "seeder", NOW, 60)

    if waits:
        with pytest.raises(NotYetError):
            check_no_seed_runs(environment, NOW, dropped)
    else:
        check_no_seed_runs(environment, NOW, dropped)


def test_a_seed_may_begin_while_nobody_is_at_the_data_and_its_request_is_the_newest() -> None:
    held = with_lease(standing(), "data", "maker", NOW, 60)

    check_may_seed(standing(), 1, NOW)
    check_may_seed(held, 1, LATER)
    with pytest.raises(NotYetError):
        check_may_seed(held, 1, NOW)
    with pytest.raises(SupersededError):
        check_may_seed(standing(), 0, NOW)


@pytest.mark.parametrize(
    ("status", "reset", "check"),
    [
        (Status.READY, True, True),
        (Status.DEPLOYING, True, False),
        (Status.FAILED, True, False),
        (Status.REQUESTED, False, False),
        (Status.REMOVING, False, False),
        (Status.REMOVED, False, False),
        (Status.REFUSED, False, False),
    ],
)
def test_which_data_can_be_renewed(status: Status, *, reset: bool, check: bool) -> None:
    environment = standing(status=status)

    assert (reason_not_to_renew(environment, asked("reset")) is None) is reset
    assert (reason_not_to_renew(environment, asked("check")) is None) is check


@pytest.mark.parametrize("data", [None, Half("d", FIRST, 0, NOW)])
def test_data_of_an_older_request_or_none_is_not_renewed(data: Half | None) -> None:
    assert reason_not_to_renew(standing(data=data), asked("reset")) == "its data does not stand yet"


def test_a_reset_that_was_done_since_it_was_asked_for_is_not_done_again() -> None:
    done = standing(reset_at=NOW)

    assert "since this was asked for" in str(reason_not_to_renew(done, asked("reset")))
    assert reason_not_to_renew(done, asked("check")) is None
    assert reason_not_to_renew(standing(reset_at=NOW - timedelta(seconds=1)), asked("reset")) is None


def test_a_reset_under_way_is_not_ready_until_its_tables_are_filled() -> None:
    begun = reset_begun(standing(message="ready"), 1, ["s.t"], LATER)

    assert (begun.status, begun.seeding, begun.message, begun.updated_at) == (Status.DEPLOYING, ("s.t",), "", LATER)
    with pytest.raises(SupersededError):
        reset_begun(standing(), 0, [], NOW)


def test_a_comparison_leaves_the_status_and_adds_what_is_to_be_filled_again() -> None:
    after = compared(standing(seeding=("s.t",)), 1, ["s.t", "s.u"], LATER)

    assert (after.status, after.seeding, after.compared_at) == (Status.READY, ("s.t", "s.u"), LATER)
    with pytest.raises(SupersededError):
        compared(standing(), 0, [], NOW)
