"""A pull request that gets no environment → the reason on record, and the removal of what stands of it."""

from __future__ import annotations

from dagbranch.domain.environments import Environment, PullRequest
from dagbranch.domain.life_cycle import check_not_being_removed, refused, unwanted
from dagbranch.domain.requests import EventKind, event_detail
from dagbranch.use_cases.intake_work import Case, Fetcher


def turn_away(case: Case, reason: str, by: Fetcher) -> None:
    """Raises NotYetError while an older environment is being removed: what is told is told of the newest commit."""
    existing = case.existing
    check_not_being_removed(existing, by.now)
    if existing is not None and existing.is_live:
        _have_it_removed(existing, case.pull, reason, by)
    else:
        by.have_it_told(refuse(case, reason, by))


def refuse(case: Case, reason: str, by: Fetcher) -> Environment:
    """One that is on record already is no news: it may be come to again and again."""
    on_record, pull = case.on_record, case.pull
    record = case.wished(refused(case.existing, pull, by.intake.lane, reason, case.event.delivery, by.now))
    by.telemetry.info("refused", reason=reason)
    by.telemetry.count("PullRequestRefused")
    if on_record is not None and _told(on_record) == _told(record):
        return on_record
    return by.registry.save(record, event=f"refused: {reason}")


def _told(environment: Environment) -> tuple[object, ...]:
    return environment.status, environment.message, environment.head_sha, environment.is_kept, environment.schedules


def _have_it_removed(existing: Environment, pull: PullRequest, reason: str, by: Fetcher) -> None:
    if existing.unwanted != reason:
        existing = by.registry.save(unwanted(existing, pull, reason, by.now), event=f"unwanted: {reason}")
    by.bus.publish(EventKind.REMOVAL_REQUESTED, event_detail(existing, by.now))
    by.have_it_told(existing)
    by.telemetry.info("it is to be removed", reason=reason)
