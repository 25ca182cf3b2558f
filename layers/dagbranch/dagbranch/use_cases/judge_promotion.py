"""A deployment for the next lane → what its gates say, in the ledger; what goes on by itself is judged alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from dagbranch.domain.gates import DATA, verdict_on
from dagbranch.domain.naming import RELEASE
from dagbranch.domain.release_jobs import (
    course_before,
    hold_after_going_back,
    hold_asked_for,
    is_of_a_canary,
    is_overtaken,
    line_of,
)
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.releases import WANTED, Judged, Release, last_handed, later_note, newest, newest_asked
from dagbranch.errors import SourceError, SupersededError, UpstreamError, is_for_good
from dagbranch.use_cases.gather_gates import Archive, Candidate, gates_of, key_of, read_archive
from dagbranch.use_cases.hand_over import settle
from dagbranch.use_cases.promotion_work import Promoter

_ASKED: Final = frozenset({"passed", "failed"})
_DATA_IS_ASKED_AGAIN_AFTER: Final = timedelta(hours=1)  # of what goes on by itself: the warehouse would never rest


def judge_promotion(asked: AskedDeployment, by: Promoter) -> None:
    """Of a deployment that counts, by the one worker that is at this repository."""
    ledger = tuple(by.releases.of(asked.repository_id))
    release = line_of(asked, ledger)
    newest_id = _newest_id(asked, ledger, by)
    course = course_before(asked, release, newest_id)
    by.telemetry.info("a deployment for the next lane", course=course, deployment_id=asked.id)
    match course:
        case "settle":
            settle(release, by)
        case "leave":
            _leave(asked, release, ledger, newest_id, by)
        case "end":
            end(release, _empty(asked, by), by)
        case "judge":
            _end_older(asked, ledger, by)
            _judge(asked, release, ledger, by)


def end(release: Release, judged: Judged, by: Promoter, why: str = "a newer deployment came") -> None:
    """Of a deployment that is not waited for any more."""
    over = replace(judged, verdict="ended", message=why, at=by.now, is_settled=False)
    settle(by.releases.save(replace(release, judged=over)), by)


def judge_auto(release: Release, ledger: tuple[Release, ...], by: Promoter) -> None:
    """What stands here goes on by itself as soon as all gates pass, where its own dagbranch.yaml says so."""
    if by.next_lane is None or not _may_go_on(release):
        return
    try:
        archive = read_archive(key_of(release), by)
        settings = archive.promotion(by.next_lane)
    except (SourceError, SupersededError) as error:
        by.telemetry.warning("cannot go on by itself", reason=str(error))
        return
    if release.auto is None:
        release = by.releases.save(replace(release, auto=settings.auto))
    if settings.auto and not (settings.data_checks and _was_asked_lately(release.judged, by)):
        _judge_wanted(Candidate(release, ledger, None, by.next_lane), archive, by)


def _newest_id(asked: AskedDeployment, ledger: Iterable[Release], by: Promoter) -> int:
    is_canary = is_of_a_canary(asked)
    known = newest_asked(ledger, asked.environment, is_canary=is_canary)
    return newest(known, by.newest_at_github(asked.repository, asked.environment, is_canary=is_canary))


def _leave(asked: AskedDeployment, release: Release, ledger: Iterable[Release], newest_id: int, by: Promoter) -> None:
    """The next lane answers. What it does to a hold there is kept in mind here, for the gate of that."""
    note, last = hold_asked_for(asked), last_handed(ledger)
    if is_of_a_canary(asked) or asked.faults:
        return
    if last is not None and last.head_sha != release.head_sha and asked.id >= newest_id:
        note = hold_after_going_back(asked)
    after = replace(
        release,
        handed=newest(release.handed, asked.id),
        hold_next=release.hold_next if note is None else later_note(release.hold_next, note),
    )
    if after != release:
        by.releases.save(after)


def _end_older(asked: AskedDeployment, ledger: Iterable[Release], by: Promoter) -> None:
    """The newest deployment wins: what others wait for is over."""
    for one in ledger:
        judged = one.judged
        if judged is None or one.head_sha == asked.head_sha:
            continue
        if is_overtaken(judged, asked):
            end(one, judged, by)
        elif judged.verdict == "ended" and not judged.is_settled:
            settle(one, by)


def _judge(asked: AskedDeployment, release: Release, ledger: tuple[Release, ...], by: Promoter) -> None:
    note = hold_asked_for(asked)
    held = release if note is None else replace(release, hold_next=later_note(release.hold_next, note))
    known = (*(one for one in ledger if one.head_sha != release.head_sha), held)
    record = by.registry.get(asked.repository_id, RELEASE)
    archive, judged = _judged(Candidate(held, known, record, asked.environment, asked), _empty(asked, by), by)
    before = release.judged
    if before is not None and before.is_settled and before.news == judged.news and held == release:
        by.telemetry.info("the gates say what they said before", verdict=judged.verdict)
        return
    settle(by.releases.save(replace(held, judged=judged)), by, archive)


def _judged(
    candidate: Candidate, empty: Judged, by: Promoter, archive: Archive | None = None
) -> tuple[Archive | None, Judged]:
    """What somebody has to mend refuses it; raised is only what passes."""
    asked = candidate.asked
    if asked is not None and asked.faults:
        return None, replace(empty, verdict="refused", message="; ".join(asked.faults))
    try:
        if archive is None and candidate.release.was_ready:
            archive = read_archive(key_of(candidate.release), by)
        gates = gates_of(candidate, archive, by)
    except SupersededError as error:
        return None, replace(empty, verdict="refused", message=str(error))
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        return None, replace(empty, verdict="refused", message=str(error))
    return archive, replace(empty, verdict=verdict_on(gates), gates=gates)


def _empty(asked: AskedDeployment, by: Promoter) -> Judged:
    return Judged(
        asked.id, asked.environment, asked.creator, by.now, "waiting", is_canary=asked.wish.canary is not None
    )


def _may_go_on(release: Release) -> bool:
    """Not what somebody has asked for, or what the next lane has."""
    judged = release.judged
    if not release.stands or release.handed is not None or release.auto is False:
        return False
    if judged is None or judged.deployment_id == WANTED:
        return True
    return judged.verdict == "refused" and judged.is_settled


def _was_asked_lately(judged: Judged | None, by: Promoter) -> bool:
    """Whether the warehouse has answered the data checks within the hour."""
    if judged is None or not judged.is_settled or by.now - judged.at >= _DATA_IS_ASKED_AGAIN_AFTER:
        return False
    return any(gate.name == DATA and gate.outcome in _ASKED for gate in judged.gates)


def _judge_wanted(candidate: Candidate, archive: Archive, by: Promoter) -> None:
    release = candidate.release
    candidate = replace(candidate, record=by.registry.get(release.repository_id, RELEASE))
    _, judged = _judged(candidate, Judged(WANTED, candidate.target, "", by.now, "waiting"), by, archive)
    if judged.verdict == "promoted":  # once report_status has made the deployment, which comes back as an event
        judged = replace(judged, verdict="waiting")
    before = release.judged
    if before is not None and before.is_settled and before.news == judged.news and not judged.wants_deployment:
        return
    settle(by.releases.save(replace(release, judged=judged)), by)
