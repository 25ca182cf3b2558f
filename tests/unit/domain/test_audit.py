from __future__ import annotations

from dataclasses import replace

from dagbranch.domain import audit
from dagbranch.domain.gates import Gate
from dagbranch.domain.release_wishes import ReleaseWish
from dagbranch.domain.releases import WANTED, Judged, Release
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID
from tests.fakes.release_examples import a_deployment, a_promotion, a_release_record

LINE = Release(REPOSITORY_ID, REPOSITORY, FIRST, source_digest="d" * 64, ready_at=NOW)
GATES = (Gate("soak", "skipped", "by alice: hot-fix"), Gate("checks", "failed", "not green: unit"))
JUDGED = Judged(17, "prod", "alice", NOW, "promoted", GATES)


def test_what_was_promoted_here_is_deployed_by_who_asked_for_it() -> None:
    entry = audit.deployed(replace(LINE, promotion=a_promotion(by="alice")), a_release_record(lane="prod"))

    assert (entry.lane, entry.deed, entry.by, entry.at, entry.source_digest) == (
        "prod",
        "deployed",
        "alice",
        NOW,
        "d" * 64,
    )


def test_what_was_pushed_and_what_came_back_is_deployed_by_dagbranch() -> None:
    back = audit.deployed(replace(LINE, promotion=a_promotion()), a_release_record(rolls_back=True))

    assert audit.deployed(LINE, a_release_record()).by == "dagbranch"
    assert (back.by, back.details) == ("dagbranch", "rolled back")


def test_a_promotion_tells_what_was_skipped_and_why() -> None:
    promoted = audit.judged(replace(LINE, judged=JUDGED), "stage")
    canary = audit.judged(replace(LINE, judged=replace(JUDGED, gates=(), is_canary=True)), "stage")

    assert promoted is not None
    assert (promoted.deed, promoted.details) == ("promoted", "to prod; without soak, by alice: hot-fix")
    assert canary is not None
    assert canary.details == "to prod, as a canary"


def test_a_refusal_tells_which_gates_have_failed_or_what_else_was_wrong() -> None:
    by_gates = audit.judged(replace(LINE, judged=replace(JUDGED, verdict="refused")), "stage")
    by_fault = audit.judged(replace(LINE, judged=replace(JUDGED, verdict="refused", message="no")), "stage")

    assert by_gates is not None
    assert (by_gates.deed, by_gates.details) == ("refused", "to prod: checks: not green: unit")
    assert by_fault is not None
    assert by_fault.details == "to prod: no"


def test_what_waits_has_ended_or_goes_by_itself_is_nobodys_deed() -> None:
    for judged in (
        None,
        replace(JUDGED, verdict="waiting"),
        replace(JUDGED, verdict="ended"),
        replace(JUDGED, deployment_id=WANTED, by="", verdict="refused"),
    ):
        assert audit.judged(replace(LINE, judged=judged), "stage") is None


def test_a_hold_is_held_or_released_by_who_said_so_when_it_was_said() -> None:
    held = audit.held(a_deployment(wish=ReleaseWish(hold=True, reason="sale")), "prod")
    released = audit.held(a_deployment(wish=ReleaseWish(hold=False)), "prod")

    assert (held.deed, held.by, held.at, held.details) == ("held", "alice", NOW, "sale")
    assert released.deed == "released"
