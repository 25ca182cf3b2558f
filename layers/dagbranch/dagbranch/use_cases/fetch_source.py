"""A pull request's newest commit → a request for it on record, under a name that it claimed, and its source archive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.deployment import digest_that_stands
from dagbranch.domain.environments import Environment, PullRequest
from dagbranch.domain.life_cycle import is_served, reason_to_refuse, refused, requested, waiting
from dagbranch.domain.naming import environment_name_candidates
from dagbranch.domain.ownership import carries, marker_of
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.policy import Room, Wait, is_dismissed
from dagbranch.domain.requests import EventKind, PullRequestEvent, event_detail
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.errors import InvalidEventError, NotOursError, SourceError, UpstreamError, is_for_good
from dagbranch.use_cases.deliver_source import deliver_source
from dagbranch.use_cases.intake_work import Fetcher

_ADMISSION_SECONDS: Final = 15  # for reading the registry, and two writes


def fetch_source(event: PullRequestEvent, *, by: Fetcher) -> None:
    """Deploys nothing itself: the archive's arrival in the bucket is the request to do so.

    A refusal, and what the author has to mend, end in the registry; only faults that pass are raised, and
    InvalidEventError for an event whose repository is another one at GitHub.
    """
    by.telemetry.about(repository=event.repository, pull_number=event.pull_number, head_sha=event.head_sha)
    existing = by.registry.get(event.repository_id, event.pull_number)
    if event.repository.lower() not in by.intake.allowed_repositories:
        if event.claims is not None:
            refusal = f"the repository {event.repository} is not on this stack's list (AllowedRepositories)"
            _refuse(existing, event.claims, refusal, event.delivery, by)
        return
    pull = by.github.pull_request(event.repository, event.pull_number)
    if pull is None or not pull.is_open:
        by.telemetry.info("the pull request is not open: nothing is deployed")
        return
    if pull.repository_id != event.repository_id:
        raise InvalidEventError(f"{event.repository} is the repository {pull.repository_id}, not {event.repository_id}")
    if (reason := reason_to_refuse(pull, existing)) is not None:
        _refuse(existing, pull, reason, event.delivery, by)
    elif (why := _reason_to_leave(existing, pull, by)) is not None:
        by.telemetry.info("nothing is deployed", reason=why)
    else:
        _take_in(existing, pull, event.delivery, by)


def _reason_to_leave(existing: Environment | None, pull: PullRequest, by: Fetcher) -> str | None:
    """Why what stands, or does not, is as it should be; None where the commit is to be deployed."""
    if is_dismissed(existing, pull, by.intake.policy):
        return "its environment was removed at this commit, and nothing asks for it anew"
    if existing is not None and existing.is_live and by.intake.policy.is_paused:
        return "the intake is paused by the owner of the stack: the sweep asks again when it is not"
    if existing is not None and is_served(existing, pull) and _zip_stands(existing, by):
        return "this commit stands already"
    return None


def _zip_stands(environment: Environment, by: Fetcher) -> bool:
    """The bucket's own word: a zip that somebody deleted is put again."""
    standing = by.dags.zip(environment.claimed_name)
    if standing is None or environment.pipeline is None or not carries(standing.marker, marker_of(environment)):
        return False
    return digest_that_stands(standing.marker) == environment.pipeline.source_digest


def _take_in(existing: Environment | None, pull: PullRequest, delivery: str, by: Fetcher) -> None:
    demands = _demands(requested(existing, pull, by.intake.lane, delivery, by.now), existing, pull, by)
    try:
        environment = _admitted(existing, pull, delivery, demands, by)
    except NotOursError as error:
        _refuse(existing, pull, str(error), delivery, by)
        return
    if environment is None:
        return
    by.telemetry.about(environment=environment.name, head_sha=environment.head_sha)
    if demands.guard is None:
        by.note_failure(environment, "what the default branch demands cannot be told", demands.fault)
    else:
        deliver_source(environment, pull.base_ref, by)


def _admitted(
    existing: Environment | None, pull: PullRequest, delivery: str, demands: _Demands, by: Fetcher
) -> Environment | None:
    """The request on record; None where it has to wait for its turn.

    Where there are limits, one at a time: two that come at once must not both find the last place free.
    """
    asked = replace(requested(existing, pull, by.intake.lane, delivery, by.now), guard=demands.guard)
    policy = by.intake.policy
    if (existing is not None and existing.is_live) or not policy.is_limited:
        return _request(asked, by)
    with by.leases.held(f"admission to {by.intake.lane}", _ADMISSION_SECONDS):
        wait = Room.of(by.registry.all(by.intake.lane)).wait_of((pull.repository_id, pull.number), policy)
        if wait is None:
            return _request(asked, by)
    _wait(existing, pull, wait, delivery, by)
    return None


def _wait(existing: Environment | None, pull: PullRequest, wait: Wait, delivery: str, by: Fetcher) -> None:
    record = waiting(existing, pull, by.intake.lane, wait.place, wait.reason, delivery, by.now)
    noted = by.registry.save(record, event=f"waits: {wait.reason}")
    by.bus.publish(EventKind.WAITING, event_detail(noted, by.now, place=wait.place))
    by.telemetry.info("waits", reason=wait.reason)


def _refuse(existing: Environment | None, pull: PullRequest, reason: str, delivery: str, by: Fetcher) -> None:
    """One that is on record already is no news: the sweep may come to it again and again."""
    if existing is None or (existing.message, existing.head_sha) != (reason, pull.head_sha):
        by.registry.save(refused(existing, pull, by.intake.lane, reason, delivery, by.now), event=f"refused: {reason}")
    by.telemetry.info("refused", reason=reason)
    by.telemetry.count("PullRequestRefused")


@dataclass(frozen=True)
class _Demands:
    """What the default branch holds the pull request to; None with the fault, where nobody can tell."""

    guard: DataGuard | None
    fault: str = ""


def _demands(asked: Environment, existing: Environment | None, pull: PullRequest, by: Fetcher) -> _Demands:
    """Asks GitHub once for each new request: one that goes on keeps what it was told.

    Nothing is made where the file is there and cannot be read, because its masks could not be kept.
    """
    if asked.guard is not None and existing is not None and asked.generation == existing.generation:
        return _Demands(asked.guard)
    branch = pull.default_branch
    try:
        # By its full name: a tag may be called like the branch.
        pipeline_file = parse_pipeline_file(by.github.file(pull.repository, f"refs/heads/{branch}", PIPELINE_FILE))
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        return _Demands(None, f"on the default branch {branch}: {error}")
    return _Demands(DataGuard.of(pipeline_file.data_of(asked.lane)))


def _request(asked: Environment, by: Fetcher) -> Environment:
    """Before any archive can be: whoever puts one, the guard stands in the registry."""
    if asked.name is not None:
        return by.registry.save(asked, event=f"requested {asked.head_sha[:7]}")
    candidates = environment_name_candidates(asked.branch, asked.pull_number, asked.repository)
    marker = marker_of(asked)
    free = (name for name in candidates if by.dags.is_free(name, marker) and by.artifacts.is_free(name, marker))
    return by.registry.claim(asked, free, event=f"requested {asked.head_sha[:7]}")
