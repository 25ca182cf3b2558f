from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dagbranch.domain.ending import Farewell, adopted, left, removed, removing, reprieved
from dagbranch.domain.environments import Half, Removal, Status
from dagbranch.domain.leases import with_lease
from dagbranch.domain.life_cycle import check_not_superseded, requested, waiting, with_data
from dagbranch.domain.overview import BaseChanges, Overview
from dagbranch.errors import SupersededError
from tests.fakes.examples import FIRST, NOW, SECOND, a_pull_request, an_environment

LATER = NOW + timedelta(minutes=1)
LIVE = (Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED, Status.REMOVING)
CLOSED = Farewell("closed")
EXPIRED = Farewell("expired", FIRST, is_dismissed=True)
ASKED_FOR = Farewell("alice asked for its removal", SECOND, is_dismissed=True, is_by_a_person=True)


def half() -> Half:
    return Half("d1", FIRST, 1, LATER)


def test_a_removal_supersedes_every_deploy_under_way_once() -> None:
    going = removing(an_environment(dag_ids=("a",)), CLOSED, LATER)

    assert (going.status, going.generation, going.message) == (Status.REMOVING, 2, "closed")
    assert going.removal == Removal(LATER, "closed", dag_ids=("a",))
    assert removing(going, CLOSED, LATER + timedelta(minutes=1)) == going
    with pytest.raises(SupersededError):
        check_not_superseded(going, 1)
    with pytest.raises(SupersededError):
        check_not_superseded(going, 2)


def test_nothing_but_the_receipt_is_kept_of_a_removed_environment() -> None:
    standing = with_lease(with_data(an_environment(), half(), ["s"]), "data", "a", NOW, 60)

    gone = removed(removing(standing, CLOSED, NOW), {"dag_ids": ["x"]}, LATER)

    assert (gone.status, gone.receipt, gone.name) == (Status.REMOVED, {"dag_ids": ["x"]}, "feature1")
    assert (gone.pipeline, gone.data, gone.leases, gone.schemas, gone.dag_ids) == (None, None, {}, (), ())
    assert (gone.removal, gone.message, gone.is_live) == (None, "closed", False)


@pytest.mark.parametrize("status", [Status.REFUSED, Status.WAITING, Status.REMOVED])
def test_nothing_that_is_gone_is_removed_by_a_late_message(status: Status) -> None:
    with pytest.raises(SupersededError):
        removing(an_environment(status=status), CLOSED, LATER)


def test_the_commit_at_which_it_expired_is_kept_until_its_pull_request_is_closed() -> None:
    gone = removed(removing(an_environment(), EXPIRED, NOW), {}, NOW)

    assert gone.dismissed == FIRST
    assert reprieved(gone, LATER) == replace(gone, dismissed=None, updated_at=LATER)
    assert requested(gone, a_pull_request(), "preview", "d", LATER).dismissed is None


def test_an_orphan_is_adopted_with_the_counts_of_the_record_before_it() -> None:
    before = an_environment(status=Status.REMOVED, generation=4, revision=9, name="feature2", dismissed=FIRST)

    record = adopted(before, an_environment(generation=0), ["s"], "no record", LATER)

    assert (record.status, record.name, record.generation, record.revision) == (Status.REMOVING, "feature1", 5, 9)
    assert (record.schemas, record.dismissed, record.removal) == (("s",), FIRST, Removal(LATER, "no record"))


@pytest.mark.parametrize("status", LIVE)
def test_what_is_live_is_nobodys_orphan(status: Status) -> None:
    with pytest.raises(SupersededError):
        adopted(an_environment(status=status), an_environment(), (), "no record", LATER)


def test_a_removal_under_an_open_pull_request_is_told_of_its_newest_commit() -> None:
    going = removing(an_environment(), ASKED_FOR, LATER)

    assert (going.head_sha, going.dismissed, going.unwanted) == (SECOND, SECOND, "alice asked for its removal")


def test_what_a_person_had_removed_is_known_after_it_is_gone_and_forgotten_when_it_is_closed() -> None:
    gone = removed(removing(an_environment(), ASKED_FOR, NOW), {}, NOW)

    assert (gone.dismissed, gone.unwanted) == (SECOND, "alice asked for its removal")
    assert (reprieved(gone, LATER).dismissed, reprieved(gone, LATER).unwanted) == (None, "")


def test_why_it_was_unwanted_is_known_until_it_is_asked_for_anew() -> None:
    gone = removed(removing(an_environment(unwanted="no label"), Farewell("no label", FIRST), NOW), {}, NOW)

    assert (gone.unwanted, gone.dismissed) == ("no label", None)
    assert requested(gone, a_pull_request(), "preview", "d", LATER).unwanted == ""


def test_an_approval_outlives_a_removal_and_what_else_somebody_asked_for_does_not() -> None:
    standing = an_environment(
        status=Status.READY,
        approved=FIRST,
        is_kept=True,
        schedules=True,
        ready_at=NOW,
        overview=Overview(BaseChanges()),
    )

    gone = removed(removing(standing, CLOSED, NOW), {}, LATER)

    assert (gone.approved, gone.is_kept, gone.schedules, gone.ready_at) == (FIRST, False, None, None)
    assert gone.overview == Overview()


def test_one_that_waited_and_goes_on_request_is_told_why_and_does_not_come_back_by_itself() -> None:
    waits = waiting(None, a_pull_request(), "preview", 1, "full", "d", NOW)

    gone = left(waits, ASKED_FOR, LATER)

    assert (gone.status, gone.dismissed, gone.message) == (Status.REMOVED, SECOND, "alice asked for its removal")
