"""The commit from which a pull request departed, held against its newest one: what is asked of GitHub for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dagbranch.domain.base_changes import base_changes, modules_perhaps_removed
from dagbranch.domain.checkout import Checkout, TreeEntry, changed_paths, sources_before
from dagbranch.domain.environments import Environment
from dagbranch.domain.overview import BaseChanges
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.specification import PipelineFile
from dagbranch.errors import SourceError, UnsafeArchiveError, UpstreamError
from dagbranch.use_cases.intake_work import Fetcher

_MOST_BLOBS: Final = 5  # of more files, GitHub's archive is the fewer requests


@dataclass(frozen=True)
class Commit:
    """The pull request's own: the files of its archive, their plan, and what its links lead to, by their sha."""

    environment: Environment
    pipeline_file: PipelineFile
    plan: Checkout
    targets: Mapping[str, str]
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Compared:
    """``changed_paths``: of the archive, which the selection of DAG modules may depend on. None where nobody knows."""

    changed_paths: frozenset[str] | None = None
    changes: BaseChanges | None = None


@dataclass(frozen=True)
class _Base:
    """``sources``: the files that an archive of it would have had; ``changed_paths``: those that are others now."""

    sha: str
    sources: Mapping[str, TreeEntry]
    changed_paths: frozenset[str]


def compare_base(commit: Commit, base_ref: str, by: Fetcher, *, is_needed: bool) -> Compared:
    """Costs a few requests. Raises what GitHub raises where it ``is_needed``; what is only told is left out then."""
    try:
        base = _read_base(commit, base_ref, by)
    except (SourceError, UpstreamError) as error:
        if is_needed:
            raise
        by.telemetry.warning("the base branch cannot be read", reason=str(error))
        return Compared()
    if base is None:
        return Compared()
    try:
        return Compared(base.changed_paths, _changes(commit, base, by))
    except (SourceError, UpstreamError) as error:
        by.telemetry.warning("the base branch cannot be compared", reason=str(error))
        return Compared(base.changed_paths)


def _read_base(commit: Commit, base_ref: str, by: Fetcher) -> _Base | None:
    """None where there is no such commit, or none that could be read."""
    repository, keeps = commit.environment.repository, commit.pipeline_file.kept
    sha = by.github.merge_base(repository, base_ref, commit.environment.head_sha)
    if sha is None:
        return None
    try:
        tree = by.github.tree(repository, sha, *commit.pipeline_file.folders)
    except UnsafeArchiveError:  # it was too large then
        return None
    sources = sources_before(tree, commit.targets, keeps)
    changed = changed_paths(tree, commit.plan, commit.targets, keeps)
    return None if sources is None or changed is None else _Base(sha, sources, changed)


def _changes(commit: Commit, base: _Base, by: Fetcher) -> BaseChanges:
    perhaps = modules_perhaps_removed(commit.pipeline_file, base.sources, commit.plan.sources)
    return base_changes(
        commit.pipeline_file,
        by.intake.lane,
        commit.files,
        before=base.sources.keys(),
        removed=_read({path: base.sources[path] for path in perhaps}, commit, base, by),
        pipeline_file_before=_pipeline_file(commit.environment.repository, base.sha, by),
    )


def _pipeline_file(repository: str, sha: str, by: Fetcher) -> PipelineFile | None:
    try:
        return parse_pipeline_file(by.github.file(repository, sha, PIPELINE_FILE))
    except SourceError:  # what it declared, nobody can tell
        return None


def _read(entries: Mapping[str, TreeEntry], commit: Commit, base: _Base, by: Fetcher) -> dict[str, bytes]:
    repository, limits = commit.environment.repository, by.intake.limits
    if len(entries) <= _MOST_BLOBS:
        return {path: by.github.blob(repository, entry.sha) for path, entry in entries.items()}
    wanted = frozenset(entry.path for entry in entries.values())
    archived = by.github.archive(
        repository, base.sha, wanted, most_bytes=limits.size_bytes, most_ratio=limits.compression_ratio
    )
    return {path: archived[entry.path] for path, entry in entries.items() if entry.path in archived}
