"""A pull request's newest commit → its source archive in the source bucket, under a name that it claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dagbranch.domain.checkout import kept_links, plan_checkout
from dagbranch.domain.environments import (
    Environment,
    PullRequest,
    is_served,
    reason_to_refuse,
    refused,
    requested,
)
from dagbranch.domain.naming import SourceArchiveKey, environment_name_candidates
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.requests import PullRequestEvent
from dagbranch.domain.requirements import required
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits, source_digest, write_canonical_zip
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.wheels import with_wheels
from dagbranch.errors import InvalidEventError, NotOursError, SourceError, UpstreamError, is_for_good
from dagbranch.ports import (
    ArtifactsBucket,
    DagsBucket,
    EventBus,
    GitHub,
    PackageIndex,
    Registry,
    SourceBucket,
    Telemetry,
)
from dagbranch.use_cases.note_failure import note_failure


@dataclass(frozen=True)
class Intake:
    """What the stack's own parameters allow."""

    lane: str
    allowed_repositories: frozenset[str]  # lower case
    limits: Limits


def fetch_source(
    event: PullRequestEvent,
    *,
    intake: Intake,
    github: GitHub,
    index: PackageIndex,
    registry: Registry,
    sources: SourceBucket,
    dags: DagsBucket,
    artifacts: ArtifactsBucket,
    bus: EventBus,
    telemetry: Telemetry,
    now: datetime,
) -> None:
    """Deploys nothing itself: the archive's arrival in the bucket is the request to do so.

    A refusal, and what the author has to mend, end in the registry; only faults that pass are raised, and
    InvalidEventError for an event whose repository is another one at GitHub.
    """
    telemetry.about(repository=event.repository, pull_number=event.pull_number, head_sha=event.head_sha)
    existing = registry.get(event.repository_id, event.pull_number)
    if event.repository.lower() not in intake.allowed_repositories:
        if event.claims is not None:
            refusal = f"the repository {event.repository} is not on this stack's list (AllowedRepositories)"
            _refuse(existing, event.claims, refusal, event.delivery, intake, registry, telemetry, now)
        return
    pull = github.pull_request(event.repository, event.pull_number)
    if pull is None or not pull.is_open:
        telemetry.info("the pull request is not open: nothing is deployed")
        return
    if pull.repository_id != event.repository_id:
        raise InvalidEventError(f"{event.repository} is the repository {pull.repository_id}, not {event.repository_id}")
    if (reason := reason_to_refuse(pull, existing)) is not None:
        _refuse(existing, pull, reason, event.delivery, intake, registry, telemetry, now)
    elif is_served(existing, pull):
        telemetry.info("this commit stands already")
    else:
        try:
            environment = _request(existing, pull, event.delivery, intake, registry, dags, artifacts, now)
        except NotOursError as error:
            _refuse(existing, pull, str(error), event.delivery, intake, registry, telemetry, now)
            return
        telemetry.about(environment=environment.name, head_sha=environment.head_sha)
        _deliver(environment, intake, github, index, registry, sources, bus, telemetry, now)


def _refuse(
    existing: Environment | None,
    pull: PullRequest,
    reason: str,
    delivery: str,
    intake: Intake,
    registry: Registry,
    telemetry: Telemetry,
    now: datetime,
) -> None:
    registry.save(refused(existing, pull, intake.lane, reason, delivery, now), event=f"refused: {reason}")
    telemetry.info("refused", reason=reason)
    telemetry.count("PullRequestRefused")


def _request(
    existing: Environment | None,
    pull: PullRequest,
    delivery: str,
    intake: Intake,
    registry: Registry,
    dags: DagsBucket,
    artifacts: ArtifactsBucket,
    now: datetime,
) -> Environment:
    asked = requested(existing, pull, intake.lane, delivery, now)
    if asked.name is not None:
        return registry.save(asked, event=f"requested {pull.head_sha[:7]}")
    candidates = environment_name_candidates(pull.head_ref, pull.number, pull.repository)
    marker = marker_of(asked)
    free = (name for name in candidates if dags.is_free(name, marker) and artifacts.is_free(name, marker))
    return registry.claim(asked, free, event=f"requested {pull.head_sha[:7]}")


def _deliver(
    environment: Environment,
    intake: Intake,
    github: GitHub,
    index: PackageIndex,
    registry: Registry,
    sources: SourceBucket,
    bus: EventBus,
    telemetry: Telemetry,
    now: datetime,
) -> None:
    try:
        archive = write_canonical_zip(_files(environment, intake.limits, github, index))
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        what = "the source cannot be packaged"
        note_failure(environment, what, str(error), registry=registry, bus=bus, telemetry=telemetry, now=now)
        return
    key = SourceArchiveKey(
        environment.repository, environment.pull_number, environment.head_sha, source_digest(archive)
    )
    sources.put(key, archive, marker_of(environment))
    telemetry.info("source archive put", key=str(key), size_bytes=len(archive))


def _files(environment: Environment, limits: Limits, github: GitHub, index: PackageIndex) -> Mapping[str, bytes]:
    """The commit's files that ``dagbranch.yaml`` names, and the wheels that they require."""
    pipeline_file = parse_pipeline_file(github.file(environment.repository, environment.head_sha, PIPELINE_FILE))
    files = _checkout(environment, pipeline_file, limits, github)
    return with_wheels(files, index.wheels(required(files, pipeline_file.requirements), limits), limits)


def _checkout(
    environment: Environment, pipeline_file: PipelineFile, limits: Limits, github: GitHub
) -> Mapping[str, bytes]:
    """The commit's files that are kept, exactly as they are in git."""
    repository, sha = environment.repository, environment.head_sha
    tree = github.tree(repository, sha, *pipeline_file.folders)
    links = {
        entry.path: github.blob(repository, entry.sha).decode("utf-8", "replace")
        for entry in kept_links(tree, pipeline_file.kept)
    }
    plan = plan_checkout(tree, links, pipeline_file.kept, limits)
    archived = github.archive(
        repository, sha, plan.wanted(), most_bytes=limits.size_bytes, most_ratio=limits.compression_ratio
    )
    mended = {entry.path: github.blob(repository, entry.sha) for entry in plan.missing_from(archived)}
    return plan.complete({**archived, **mended})
