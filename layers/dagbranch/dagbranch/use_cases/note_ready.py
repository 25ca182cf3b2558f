"""What this lane's Airflow lists, or does not → the ledger and the audit; and the gates that waited for it."""

from __future__ import annotations

from dagbranch.domain import audit
from dagbranch.domain.environments import Environment
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.release_jobs import waiting
from dagbranch.domain.releases import WANTED, Judged, Release, half_that_was_ready, made_ready, replaced
from dagbranch.domain.requests import EnvironmentEvent, EventKind
from dagbranch.use_cases.hand_over import settle
from dagbranch.use_cases.judge_promotion import end, judge_auto, judge_promotion
from dagbranch.use_cases.promotion_work import Promoter


def note_release_event(event: EnvironmentEvent, by: Promoter) -> None:
    """``Ready`` or ``Failed`` of this lane's own release; a canary has no place in the ledger."""
    if event.pull_number != RELEASE:
        by.telemetry.info("a canary is in no ledger")
        return
    with by.at_work_on(event.repository_id):
        record = by.registry.get(event.repository_id, RELEASE)
        if record is None:
            return
        if event.kind == EventKind.READY:
            note_ready(record, event.generation, by)
        ask_again(event.repository_id, event.head_sha, by)


def note_ready(record: Environment, generation: int, by: Promoter) -> None:
    """By the record alone: a late event of what another zip has replaced changes nothing."""
    half = half_that_was_ready(record, generation)
    if half is None:
        by.telemetry.info("it stands no more, or not yet")
        return
    is_current = record.generation == generation
    head_sha = record.head_sha if is_current else half.head_sha
    ledger = list(by.releases.of(record.repository_id))
    line = _line(record, head_sha, ledger)
    ready_at = record.ready_at if is_current and record.ready_at is not None else half.at
    standing = _saved(line, made_ready(line, half, record.promotion if is_current else None, ready_at), by)
    for one in replaced(ledger, standing):
        by.releases.save(one)
    by.note([audit.deployed(standing, record)])
    if is_current:
        _end_canary(record, by)


def ask_again(repository_id: int, head_sha: str | None, by: Promoter) -> None:
    """The gates, of what waits at them (of this commit, or of all), and of what goes on by itself."""
    if by.next_lane is None:
        return
    ledger = tuple(by.releases.of(repository_id))
    found = [(one, judged) for one, judged in waiting(ledger, by.next_lane) if head_sha in {None, one.head_sha}]
    for one, judged in found:
        _ask_again(one, judged, by)
    if found:
        ledger = tuple(by.releases.of(repository_id))
    for one in ledger:
        if one.stands:
            judge_auto(one, ledger, by)


def _ask_again(release: Release, judged: Judged, by: Promoter) -> None:
    if judged.deployment_id == WANTED:
        return
    asked = by.github.deployment(release.repository, judged.deployment_id)
    if asked is not None:
        judge_promotion(asked, by)
    elif judged.verdict == "waiting":
        end(release, judged, by, "its deployment is gone")
    else:
        settle(release, by)


def _line(record: Environment, head_sha: str, ledger: list[Release]) -> Release:
    empty = Release(record.repository_id, record.repository, head_sha)
    return next((one for one in ledger if one.head_sha == head_sha), empty)


def _saved(before: Release, after: Release, by: Promoter) -> Release:
    return before if before == after else by.releases.save(after)


def _end_canary(record: Environment, by: Promoter) -> None:
    """What was tried beside the release, and is the release now."""
    canary = by.registry.get(record.repository_id, CANARY)
    if canary is not None and canary.is_live and canary.head_sha == record.head_sha:
        by.have_canary_removed(canary)
