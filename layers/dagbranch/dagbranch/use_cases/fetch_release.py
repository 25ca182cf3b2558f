"""The default branch's newest commit → a request for it on record in the first release lane, and its source archive."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import RELEASE
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.release_requests import requested_release
from dagbranch.domain.requests import PushEvent
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.errors import InvalidEventError, SourceError, UpstreamError, is_for_good
from dagbranch.ports import DefaultBranch, ReleasesAtGitHub
from dagbranch.use_cases.check_installation import check_installation
from dagbranch.use_cases.deliver_source import deliver_source
from dagbranch.use_cases.intake_work import Fetcher
from dagbranch.use_cases.note_request import note_release

_UNDER_WAY: Final = frozenset({Status.REQUESTED, Status.DEPLOYING})
_LEFT_TO_ANOTHER_FOR: Final = timedelta(minutes=15)  # longer than any worker lives


def fetch_release(event: PushEvent, *, releases: ReleasesAtGitHub, by: Fetcher) -> None:
    """Deploys nothing itself: the archive's arrival in the bucket is the request to do so.

    The push is only a reason to ask GitHub what the head is. What the authors have to mend ends in the registry;
    raised are only faults that pass, and InvalidEventError for an event whose repository is another one at GitHub.
    """
    by.telemetry.about(repository=event.repository)
    if event.repository.lower() not in by.intake.allowed_repositories:
        by.telemetry.info("the repository is not on this stack's list (AllowedRepositories): nothing is deployed")
        return
    check_installation(event.installation_id, event.repository, by.github)
    branch = releases.default_branch(event.repository)
    if branch is None or branch.name != event.branch:
        by.telemetry.info("nothing was pushed to the default branch: nothing is deployed", branch=event.branch)
        return
    if branch.repository_id != event.repository_id:
        raise InvalidEventError(
            f"{event.repository} is the repository {branch.repository_id}, not {event.repository_id}"
        )
    existing = by.registry.get(branch.repository_id, RELEASE)
    if (why := _reason_to_leave(existing, branch, event, by)) is not None:
        by.telemetry.info("nothing is deployed", reason=why, head_sha=branch.head_sha)
        return
    _take_in(existing, branch, event, by)


def _reason_to_leave(existing: Environment | None, branch: DefaultBranch, event: PushEvent, by: Fetcher) -> str | None:
    if by.intake.policy.is_paused:
        return "the intake is paused by the owner of the stack: the schedule asks again when it is not"
    if existing is None:
        return None
    if existing.held is not None:
        return f"{existing.held.by} holds what stands: {existing.held.reason}"
    if existing.head_sha != branch.head_sha:
        return None
    if existing.status == Status.READY:
        return "this commit stands already"
    return "another event has asked for this commit" if _is_brought_by_another(existing, event, by) else None


def _is_brought_by_another(existing: Environment, event: PushEvent, by: Fetcher) -> bool:
    """The same event again is a repair of its own work; what nobody is at any more, any event may take up."""
    is_fresh = by.now - existing.requested_at < _LEFT_TO_ANOTHER_FOR
    return existing.status in _UNDER_WAY and existing.delivery != event.delivery and is_fresh


def _take_in(existing: Environment | None, branch: DefaultBranch, event: PushEvent, by: Fetcher) -> None:
    guard, fault = _guard(branch, by)
    asked = requested_release(
        existing,
        repository_id=branch.repository_id,
        repository=branch.repository,
        default_branch=branch.name,
        head_sha=branch.head_sha,
        number=RELEASE,
        lane=by.intake.lane,
        delivery=event.delivery,
        now=by.now,
    )
    environment = note_release(replace(asked, guard=guard), registry=by.registry, dags=by.dags, artifacts=by.artifacts)
    by.telemetry.about(environment=environment.name, head_sha=environment.head_sha)
    by.have_it_told(environment)
    if environment.status == Status.REFUSED:
        by.telemetry.warning("refused", reason=environment.message)
    elif guard is None:
        by.note_failure(environment, "the source cannot be packaged", fault)
    else:
        deliver_source(environment, None, by)


def _guard(branch: DefaultBranch, by: Fetcher) -> tuple[DataGuard | None, str]:
    """What the commit itself demands, which a workflow's archive of it is held to; None with the fault."""
    try:
        said = parse_pipeline_file(by.github.file(branch.repository, branch.head_sha, PIPELINE_FILE))
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        return None, str(error)
    return DataGuard.of(said.data_of(by.intake.lane)), ""
