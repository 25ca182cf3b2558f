"""A pull request's newest commit → its source archive in the source bucket, under a name that it claimed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from dagbranch.domain.checkout import Checkout, TreeEntry, changed_paths, kept_links, plan_checkout
from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.environments import (
    Environment,
    PullRequest,
    is_served,
    reason_to_refuse,
    refused,
    requested,
    with_changes,
)
from dagbranch.domain.naming import SourceArchiveKey, environment_name_candidates
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.requests import PullRequestEvent
from dagbranch.domain.requirements import required
from dagbranch.domain.selection import asks_for_changes
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits, source_digest, write_canonical_zip
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.wheels import with_wheels
from dagbranch.errors import (
    InvalidEventError,
    NotOursError,
    SourceError,
    UnsafeArchiveError,
    UpstreamError,
    is_for_good,
)
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
        asked = requested(existing, pull, intake.lane, event.delivery, now)
        demands = _demands(asked, existing, pull, github)
        try:
            environment = _request(replace(asked, guard=demands.guard), registry, dags, artifacts)
        except NotOursError as error:
            _refuse(existing, pull, str(error), event.delivery, intake, registry, telemetry, now)
            return
        telemetry.about(environment=environment.name, head_sha=environment.head_sha)
        if demands.guard is None:
            what = "what the default branch demands cannot be told"
            note_failure(environment, what, demands.fault, registry=registry, bus=bus, telemetry=telemetry, now=now)
        else:
            _deliver(environment, pull.base_ref, intake, github, index, registry, sources, bus, telemetry, now)


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


@dataclass(frozen=True)
class _Demands:
    """What the default branch holds the pull request to; None with the fault, where nobody can tell."""

    guard: DataGuard | None
    fault: str = ""


def _demands(asked: Environment, existing: Environment | None, pull: PullRequest, github: GitHub) -> _Demands:
    """Asks GitHub once for each new request: one that goes on keeps what it was told.

    Nothing is made where the file is there and cannot be read, because its masks could not be kept.
    """
    if asked.guard is not None and existing is not None and asked.generation == existing.generation:
        return _Demands(asked.guard)
    branch = pull.default_branch
    try:
        # By its full name: a tag may be called like the branch.
        pipeline_file = parse_pipeline_file(github.file(pull.repository, f"refs/heads/{branch}", PIPELINE_FILE))
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        return _Demands(None, f"on the default branch {branch}: {error}")
    return _Demands(DataGuard.of(pipeline_file.data_of(asked.lane)))


def _request(asked: Environment, registry: Registry, dags: DagsBucket, artifacts: ArtifactsBucket) -> Environment:
    """Before any archive can be: whoever puts one, the guard stands in the registry."""
    if asked.name is not None:
        return registry.save(asked, event=f"requested {asked.head_sha[:7]}")
    candidates = environment_name_candidates(asked.branch, asked.pull_number, asked.repository)
    marker = marker_of(asked)
    free = (name for name in candidates if dags.is_free(name, marker) and artifacts.is_free(name, marker))
    return registry.claim(asked, free, event=f"requested {asked.head_sha[:7]}")


def _deliver(
    environment: Environment,
    base_ref: str,
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
        commit = _commit(environment, base_ref, intake, github, index)
        archive = write_canonical_zip(commit.files)
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        what = "the source cannot be packaged"
        note_failure(environment, what, str(error), registry=registry, bus=bus, telemetry=telemetry, now=now)
        return
    key = SourceArchiveKey(
        environment.repository, environment.pull_number, environment.head_sha, source_digest(archive)
    )
    _note_changes(environment, key.source_digest, commit.changed_paths, registry)
    sources.put(key, archive, marker_of(environment))
    telemetry.info("source archive put", key=str(key), size_bytes=len(archive))


def _note_changes(
    environment: Environment, source_digest: str, changed_paths: Collection[str] | None, registry: Registry
) -> None:
    """Before the archive is put: its arrival is the request to package it."""
    if changed_paths is not None or environment.changed_paths is not None:
        registry.update(
            environment,
            lambda newest: with_changes(newest, environment.generation, source_digest, changed_paths),
            event="",
        )


@dataclass(frozen=True)
class _Commit:
    """The files of a source archive; ``changed_paths`` is None where nobody has to know them, or can."""

    files: Mapping[str, bytes]
    changed_paths: Collection[str] | None


def _commit(environment: Environment, base_ref: str, intake: Intake, github: GitHub, index: PackageIndex) -> _Commit:
    """The commit's files that ``dagbranch.yaml`` names, exactly as they are in git, and the wheels that they require.

    What the pull request changes costs two requests more: asked only where the selection of DAG modules wants it.
    """
    repository, sha, limits = environment.repository, environment.head_sha, intake.limits
    pipeline_file = parse_pipeline_file(github.file(repository, sha, PIPELINE_FILE))
    tree = github.tree(repository, sha, *pipeline_file.folders)
    links = kept_links(tree, pipeline_file.kept)
    targets = {link.sha: github.blob(repository, link.sha).decode("utf-8", "replace") for link in links}
    plan = plan_checkout(tree, {link.path: targets[link.sha] for link in links}, pipeline_file.kept, limits)
    files = _files(environment, plan, limits, github)
    changed = None
    if asks_for_changes(pipeline_file, intake.lane, files):
        before = _tree_before(environment, base_ref, pipeline_file, github)
        changed = None if before is None else changed_paths(before, plan, targets, pipeline_file.kept)
    wheels = index.wheels(required(files, pipeline_file.requirements), limits)
    return _Commit(with_wheels(files, wheels, limits), changed)


def _files(environment: Environment, plan: Checkout, limits: Limits, github: GitHub) -> dict[str, bytes]:
    repository = environment.repository
    archived = github.archive(
        repository,
        environment.head_sha,
        plan.wanted(),
        most_bytes=limits.size_bytes,
        most_ratio=limits.compression_ratio,
    )
    mended = {entry.path: github.blob(repository, entry.sha) for entry in plan.missing_from(archived)}
    return plan.complete({**archived, **mended})


def _tree_before(
    environment: Environment, base_ref: str, pipeline_file: PipelineFile, github: GitHub
) -> Mapping[str, TreeEntry] | None:
    """The tree from which the pull request departed; None where there is none that could be read."""
    sha = github.merge_base(environment.repository, base_ref, environment.head_sha)
    if sha is None:
        return None
    try:
        return github.tree(environment.repository, sha, *pipeline_file.folders)
    except UnsafeArchiveError:  # it was too large then
        return None
