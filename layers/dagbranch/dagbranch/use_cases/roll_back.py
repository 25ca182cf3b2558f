"""A deployment for this lane itself: back to what had been ready here, again what never was, a hold, a canary's end."""

from __future__ import annotations

from dataclasses import replace

from dagbranch.domain import audit
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.release_jobs import (
    course_here,
    hold_after_going_back,
    hold_asked_for,
    hold_in_words,
    is_of_a_canary,
    keeps_out,
    line_of,
)
from dagbranch.domain.release_wishes import AskedDeployment, Hold
from dagbranch.domain.releases import HoldNote, Release, hold_of, later_note, newest, newest_answered
from dagbranch.errors import InvalidEventError, SourceError, SupersededError
from dagbranch.use_cases.gather_gates import key_of
from dagbranch.use_cases.hand_over import refuse_here
from dagbranch.use_cases.promotion_work import Promoter
from dagbranch.use_cases.request_release import Wanted, request_release


def answer_deployment(asked: AskedDeployment, by: Promoter) -> None:
    """Of a deployment that counts, by the one worker that is at this repository."""
    ledger = tuple(by.releases.of(asked.repository_id))
    record = by.registry.get(asked.repository_id, RELEASE)
    release = line_of(asked, ledger)
    newest_id = newest(newest_answered(ledger), by.newest_at_github(asked.repository, by.lane, is_canary=False))
    course = course_here(asked, release, record, newest_id)
    by.telemetry.info("a deployment for this lane", course=course, deployment_id=asked.id)
    if asked.faults:
        _refuse_faults(asked, release, course, by)
        return
    release, record = _with_hold(hold_asked_for(asked), asked, release, record, by)
    match course:
        case "drop":
            _drop_canary(asked, by)
        case "unknown":
            _answer_unknown(asked, release, by)
        case "stands" if record is not None:
            _adopt(asked, release, record, by)
        case "go back":
            _ask_for(asked, release, record, by, rolls_back=True)
        case "try again":
            _try_again(asked, release, record, by)


def held_here(repository_id: int, by: Promoter) -> Hold | None:
    """What the newest deployment that said something of it says of holding this lane."""
    return hold_of(one.hold_here for one in by.releases.of(repository_id))


def _with_hold(
    note: HoldNote | None, asked: AskedDeployment, release: Release, record: Environment | None, by: Promoter
) -> tuple[Release, Environment | None]:
    """The ledger keeps the order of what was said, the record what holds now."""
    if note is None:
        return release, record
    noted = replace(release, hold_here=later_note(release.hold_here, note))
    release = release if noted == release else by.releases.save(noted)
    hold = held_here(asked.repository_id, by)
    if record is not None and record.held != hold:
        record = by.registry.update(record, lambda newest: replace(newest, held=hold), event=_in_words(hold))
        by.have_it_told(record)
    by.note([audit.held(asked, by.lane)])
    if by.first_release_lane and hold is None:
        _have_head_fetched(asked, by)
    return release, record


def _in_words(hold: Hold | None) -> str:
    return "released" if hold is None else f"held by {hold.by}"


def _default_branch(asked: AskedDeployment, by: Promoter) -> str:
    """Raises InvalidEventError where GitHub knows none."""
    found = by.github.default_branch(asked.repository)
    if found is None:
        raise InvalidEventError(f"{asked.repository} has no default branch")
    return found.name


def _have_head_fetched(asked: AskedDeployment, by: Promoter) -> None:
    """What was pushed while it was held comes now."""
    branch = by.github.default_branch(asked.repository)
    if branch is not None:
        by.have_head_fetched(branch)


def _refuse_faults(asked: AskedDeployment, release: Release, course: str, by: Promoter) -> None:
    """What never came here is the lane before's to answer."""
    if course != "done" and (course != "unknown" or by.first_release_lane):
        _refuse(asked, release, "; ".join(asked.faults), by)


def _refuse(asked: AskedDeployment, release: Release, why: str, by: Promoter) -> None:
    _note_answer(asked, refuse_here(asked, release, why, by), by)


def _answer_unknown(asked: AskedDeployment, release: Release, by: Promoter) -> None:
    if not by.first_release_lane or is_of_a_canary(asked):
        return
    branch = by.github.default_branch(asked.repository)
    if branch is not None and branch.head_sha == asked.head_sha and asked.wish.hold is False:
        by.telemetry.info("nothing holds the newest commit any more: it comes by itself")
        return
    _refuse(asked, release, f"it was never ready in {by.lane}: what is pushed to the default branch comes there", by)


def _drop_canary(asked: AskedDeployment, by: Promoter) -> None:
    canary = by.registry.get(asked.repository_id, CANARY)
    if canary is None or not canary.is_live or newest(canary.asked_by) > asked.id:
        by.telemetry.info("there is no canary to drop")
        return
    if canary.status != Status.REMOVING and not canary.unwanted:
        why = f"{asked.creator} dropped it" + (f": {asked.wish.reason}" if asked.wish.reason else "")
        canary = by.registry.update(canary, lambda newest: replace(newest, unwanted=why), event="the canary is dropped")
    by.note([audit.dropped(asked, by.lane)])
    by.have_canary_removed(canary)


def _adopt(asked: AskedDeployment, release: Release, record: Environment, by: Promoter) -> None:
    """What stands, or comes, answers this deployment too; a request of its own, that broke off, is made whole."""

    def adopted(newest: Environment) -> Environment:
        return replace(newest, deployment_id=asked.id) if newest.head_sha == asked.head_sha else newest

    if record.asked_by != asked.id:
        record = by.registry.update(record, adopted, event=f"answers deployment {asked.id}")
    if record.delivery == _delivery(asked):
        _follow(asked, release, record, by)
    else:
        by.have_it_told(record)
        _note_answer(asked, release, by)


def _try_again(asked: AskedDeployment, release: Release, record: Environment | None, by: Promoter) -> None:
    hold = held_here(asked.repository_id, by)
    if hold is not None and keeps_out(hold, asked):
        _refuse(asked, release, hold_in_words(hold, by.lane), by)
        return
    _ask_for(asked, release, record, by, rolls_back=False)


def _ask_for(
    asked: AskedDeployment, release: Release, record: Environment | None, by: Promoter, *, rolls_back: bool
) -> None:
    """No gates but identity: the same archive as before. Going back, it is under the promotion of the time before."""
    note = hold_after_going_back(asked) if rolls_back else None
    wanted = Wanted(
        repository_id=asked.repository_id,
        key=key_of(release),
        branch=record.branch if record is not None else _default_branch(asked, by),
        delivery=_delivery(asked),
        promotion=release.promotion_of_it if rolls_back else release.promotion,
        deployment_id=asked.id,
        rolls_back=rolls_back,
        held=note.hold if note is not None else held_here(asked.repository_id, by),
    )
    try:
        noted = request_release(wanted, record, by)
    except (SourceError, SupersededError) as error:
        _refuse(asked, release, str(error), by)
        return
    _follow(asked, release, noted, by)


def _follow(asked: AskedDeployment, release: Release, record: Environment, by: Promoter) -> None:
    """What comes of the request: its archive is told of again, as if it had just come."""
    if record.status == Status.REQUESTED:
        by.sources.announce(key_of(release))
    if record.rolls_back:
        by.note([audit.rolled_back(asked, release, by.lane, record.requested_at)])
        release, _ = _with_hold(hold_after_going_back(asked), asked, release, record, by)
    by.have_it_told(record)
    _note_answer(asked, release, by)


def _note_answer(asked: AskedDeployment, release: Release, by: Promoter) -> None:
    after = replace(release, answered=newest(release.answered, asked.id))
    if after != release:
        by.releases.save(after)


def _delivery(asked: AskedDeployment) -> str:
    return f"deployment {asked.id}"
