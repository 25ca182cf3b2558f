"""A pull request's newest commit → a request for it on record, under a name that it claimed, and its source archive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.deployment import digest_that_stands
from dagbranch.domain.eligibility import asks_for_paths, reason_to_skip
from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.life_cycle import is_served, is_under_way, wanted
from dagbranch.domain.ownership import carries, marker_of
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.policy import is_dismissed
from dagbranch.domain.requests import PullRequestEvent
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.wishes import asks_anew
from dagbranch.errors import InvalidEventError, NotOursError, NotYetError, SourceError, UpstreamError, is_for_good
from dagbranch.use_cases.admit_request import admit_request
from dagbranch.use_cases.check_installation import check_installation
from dagbranch.use_cases.deliver_source import deliver_source
from dagbranch.use_cases.intake_work import Case, Fetcher
from dagbranch.use_cases.judge_changes import reason_to_skip_changes
from dagbranch.use_cases.turn_away import refuse, turn_away

_ASKED_FOR: Final = frozenset({Status.REQUESTED, Status.DEPLOYING, Status.FAILED})


def fetch_source(event: PullRequestEvent, *, by: Fetcher) -> None:
    """Deploys nothing itself: the archive's arrival in the bucket is the request to do so.

    A refusal, and what the author has to mend, end in the registry. Raised are only faults that pass, NotYetError
    while other pushes may follow, and InvalidEventError for an event whose repository is another one at GitHub.
    """
    by.telemetry.about(repository=event.repository, pull_number=event.pull_number, head_sha=event.head_sha)
    existing = by.registry.get(event.repository_id, event.pull_number)
    if event.repository.lower() not in by.intake.allowed_repositories:
        if event.claims is not None:
            refusal = f"the repository {event.repository} is not on this stack's list (AllowedRepositories)"
            refuse(Case(event, event.claims, existing), refusal, by)
        return
    _check_settled(event, by.intake.push_settle, by.now)
    check_installation(event.installation_id, event.repository, by.github)
    pull = by.github.pull_request(event.repository, event.pull_number)
    if pull is None or not pull.is_open:
        by.telemetry.info("the pull request is not open: nothing is deployed")
        return
    if pull.repository_id != event.repository_id:
        raise InvalidEventError(f"{event.repository} is the repository {pull.repository_id}, not {event.repository_id}")
    _judge(Case(event, pull, existing), by)


def _check_settled(event: PullRequestEvent, settle: timedelta, now: datetime) -> None:
    """Pushes that follow each other at once are one deploy, of the last of them."""
    left = event.pushed_at + settle - now if event.pushed_at is not None else timedelta(0)
    if left > timedelta(0):
        raise NotYetError("another push may follow this one", retry_seconds=ceil(left.total_seconds()))


def _judge(case: Case, by: Fetcher) -> None:
    default_branch = _read_default_branch(case.pull, by)
    if (reason := _reason_to_turn_away(case, default_branch.pipeline_file, by)) is not None:
        turn_away(case, reason, by)
    elif (why := _reason_to_leave(case, by)) is not None:
        _leave(case, why, by)
    else:
        _take_in(case, default_branch, by)


@dataclass(frozen=True)
class _DefaultBranch:
    """What it says of every pull request; None with the fault, where nobody can tell."""

    pipeline_file: PipelineFile | None
    fault: str = ""


def _read_default_branch(pull: PullRequest, by: Fetcher) -> _DefaultBranch:
    branch = pull.default_branch
    try:
        # By its full name: a tag may be called like the branch.
        found = by.github.file(pull.repository, f"refs/heads/{branch}", PIPELINE_FILE)
        return _DefaultBranch(parse_pipeline_file(found))
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        return _DefaultBranch(None, f"on the default branch {branch}: {error}")


def _reason_to_turn_away(case: Case, said: PipelineFile | None, by: Fetcher) -> str | None:
    approved = {case.event.wish.approved} if case.event.wish else ()
    reason = reason_to_skip(case.pull, case.existing, said, approved)
    if reason is not None or said is None or not asks_for_paths(case.pull, case.existing, said):
        return reason
    return reason_to_skip_changes(case.pull, said, by)


def _reason_to_leave(case: Case, by: Fetcher) -> str | None:
    """Why what stands, or does not, is as it should be; None where the commit is to be deployed."""
    existing = case.existing
    if existing is not None and existing.is_live and by.intake.policy.is_paused:
        return "the intake is paused by the owner of the stack: the sweep asks again when it is not"
    if existing is None or asks_anew(case.event.wish, case.on_record, case.event.delivery):
        return None
    if is_dismissed(existing, case.pull, by.intake.policy):
        return "its environment was removed at this commit, and nothing asks for it anew"
    if _is_brought_by_another(case.event, existing, case.pull):
        return "another event has asked for this commit"
    is_there = is_served(existing, case.pull) and _zip_stands(existing, by)
    return "this commit stands already" if is_there else None


def _is_brought_by_another(event: PullRequestEvent, existing: Environment, pull: PullRequest) -> bool:
    """Whether another webhook has asked for the newest commit: of a push just before it, or of a label.

    The same one again is a repair of its own work, and what the sweep or a person asks for is done anew.
    """
    is_asked_for = existing.status in _ASKED_FOR and existing.head_sha == pull.head_sha
    return event.claims is not None and is_asked_for and existing.delivery != event.delivery


def _zip_stands(environment: Environment, by: Fetcher) -> bool:
    """The bucket's own word: a zip that somebody deleted is put again."""
    standing = by.dags.zip(environment.claimed_name)
    if standing is None or environment.pipeline is None or not carries(standing.marker, marker_of(environment)):
        return False
    return digest_that_stands(standing.marker) == environment.pipeline.source_digest


def _leave(case: Case, why: str, by: Fetcher) -> None:
    """But for what a command wishes of it, and for a removal that is not wanted any more.

    Told in any case: a worker may have died between its write and its word.
    """
    by.telemetry.info("nothing is deployed", reason=why)
    existing = case.existing
    if existing is None:
        return
    kept = wanted(existing)
    by.have_it_told(kept if kept == case.on_record else by.registry.save(kept, event=f"as it is wanted: {why}"))


def _take_in(case: Case, default_branch: _DefaultBranch, by: Fetcher) -> None:
    guard, fault = _guard(case, default_branch, by)
    try:
        environment = admit_request(case, guard, by)
    except NotOursError as error:
        turn_away(case, str(error), by)
        return
    if environment is None:
        return
    by.telemetry.about(environment=environment.name, head_sha=environment.head_sha)
    by.have_it_told(environment)
    if guard is None:
        by.note_failure(environment, "what the default branch demands cannot be told", fault)
    else:
        deliver_source(environment, case.pull.base_ref, by)


def _guard(case: Case, default_branch: _DefaultBranch, by: Fetcher) -> tuple[DataGuard | None, str]:
    """What the default branch holds this commit to; None with the fault, where nobody can tell.

    Nothing is made where its file is there and cannot be read, because its masks could not be kept. A request that
    goes on keeps what it was told.
    """
    existing, said = case.existing, default_branch.pipeline_file
    if existing is not None and existing.guard is not None and is_under_way(existing, case.pull):
        return existing.guard, ""
    return (None if said is None else DataGuard.of(said.data_of(by.intake.lane))), default_branch.fault
