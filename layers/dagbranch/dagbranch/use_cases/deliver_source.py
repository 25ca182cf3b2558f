"""A commit that was asked for → its source archive in the source bucket."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from dagbranch.domain.checkout import Checkout, kept_links, plan_checkout
from dagbranch.domain.environments import Environment
from dagbranch.domain.facts import with_base_changes
from dagbranch.domain.life_cycle import with_changes
from dagbranch.domain.naming import SourceArchiveKey, source_prefix
from dagbranch.domain.overview import BaseChanges
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.release_requests import awaiting_upload, with_asked_digest
from dagbranch.domain.requirements import required
from dagbranch.domain.selection import asks_for_changes
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits, source_digest, write_canonical_zip
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.wheels import with_wheels
from dagbranch.errors import SourceError, UpstreamError, is_for_good
from dagbranch.ports import GitHub, Registry
from dagbranch.use_cases.compare_base import Commit, Compared, compare_base
from dagbranch.use_cases.intake_work import Fetcher


def deliver_source(environment: Environment, base_ref: str | None, by: Fetcher) -> None:
    """The archive's arrival in the bucket is the request to deploy it; what its author has to mend is noted.

    ``base_ref``: of the pull request, None for a release. Nothing is made where a workflow uploads the archive.
    """
    try:
        pipeline_file = parse_pipeline_file(by.github.file(environment.repository, environment.head_sha, PIPELINE_FILE))
        if pipeline_file.archive == "uploaded":
            _await_upload(environment, by)
            return
        commit = _commit(environment, pipeline_file, base_ref, by)
        archive = write_canonical_zip(commit.files)
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        by.note_failure(environment, "the source cannot be packaged", str(error))
        return
    key = SourceArchiveKey(
        environment.repository, environment.pull_number, environment.head_sha, source_digest(archive)
    )
    _note(environment, key.source_digest, commit, by.registry)
    by.sources.put(key, archive, marker_of(environment))
    by.telemetry.info("source archive put", key=str(key), size_bytes=len(archive))


def _await_upload(environment: Environment, by: Fetcher) -> None:
    if not environment.takes_uploads:
        by.registry.update(
            environment,
            lambda newest: awaiting_upload(newest, environment.generation),
            event="waits for the archive that a workflow uploads",
        )
    prefix = f"{source_prefix(environment.repository, environment.pull_number)}{environment.head_sha}/"
    by.telemetry.info("a workflow uploads the archive: none is made", prefix=prefix)


def _note(environment: Environment, source_digest: str, commit: _Delivered, registry: Registry) -> None:
    """Before the archive is put: its arrival is the request to package it."""

    def change(newest: Environment) -> Environment:
        if environment.is_of_a_release:
            return with_asked_digest(newest, environment.generation, source_digest)
        noted = with_changes(newest, environment.generation, source_digest, commit.changed_paths)
        return with_base_changes(noted, commit.changes)

    if change(environment) != environment:
        registry.update(environment, change, event="")


@dataclass(frozen=True)
class _Delivered:
    """The files of a source archive; ``changed_paths`` is None where nobody knows."""

    files: Mapping[str, bytes]
    changed_paths: Collection[str] | None
    changes: BaseChanges | None


def _commit(environment: Environment, pipeline_file: PipelineFile, base_ref: str | None, by: Fetcher) -> _Delivered:
    """The files that ``dagbranch.yaml`` names, exactly as they are in git, and the wheels that they require."""
    repository, sha, limits, github = environment.repository, environment.head_sha, by.intake.limits, by.github
    tree = github.tree(repository, sha, *pipeline_file.folders)
    links = kept_links(tree, pipeline_file.kept)
    targets = {link.sha: github.blob(repository, link.sha).decode("utf-8", "replace") for link in links}
    plan = plan_checkout(tree, {link.path: targets[link.sha] for link in links}, pipeline_file.kept, limits)
    files = _files(environment, plan, limits, github)
    compared = Compared()
    if base_ref is not None:
        is_needed = asks_for_changes(pipeline_file, by.intake.lane, files)
        commit = Commit(environment, pipeline_file, plan, targets, files)
        compared = compare_base(commit, base_ref, by, is_needed=is_needed)
    wheels = by.index.wheels(required(files, pipeline_file.requirements), limits)
    return _Delivered(with_wheels(files, wheels, limits), compared.changed_paths, compared.changes)


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
