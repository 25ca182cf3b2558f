"""A source archive → the packaged DAG, its unpacked copy, its configuration and its job code in their buckets.

The zip is the commit point: all else comes before it, what the commit dropped leaves after it.
Nothing of the archive is ever executed here: it is read as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dagbranch.domain import packaging
from dagbranch.domain.artifacts import artifacts_of, uris_in
from dagbranch.domain.asked_archive import check_is_the_pipelines_turn
from dagbranch.domain.base_changes import with_changed
from dagbranch.domain.data_history import shortened
from dagbranch.domain.deployment import (
    check_promoted_zip,
    commit_that_stands,
    digest_that_stands,
    plan_copy,
    sha256_that_stands,
    what_it_shows,
    zip_marker,
)
from dagbranch.domain.environments import Environment, Half
from dagbranch.domain.facts import with_base_changes
from dagbranch.domain.life_cycle import check_not_superseded, with_pipeline
from dagbranch.domain.naming import NEXT, SourceArchiveKey
from dagbranch.domain.overview import BaseChanges
from dagbranch.domain.ownership import carries, marker_of
from dagbranch.domain.pipeline_file import with_lines
from dagbranch.domain.requests import ArchiveUploaded, EventKind, event_detail
from dagbranch.domain.requirements import required
from dagbranch.domain.selection import Selection, select_modules
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits
from dagbranch.domain.time_left import TimeLeft
from dagbranch.domain.wheels import unpack_wheels
from dagbranch.errors import NotOursError, SupersededError
from dagbranch.ports import ArtifactsBucket, DagsBucket, Registry, StoredZip
from dagbranch.use_cases.deploy_half import Deployed, Source, Surroundings, Worker, deploy_half, told_schemas

_FOR_A_PACKAGE: Final = timedelta(seconds=20)  # thousands of files, put in parallel


@dataclass(frozen=True)
class Runtime:
    """The modules that travel in every packaged DAG, and the version of dagbranch that they are of."""

    version: str
    modules: Mapping[str, bytes]


def package_dags(
    upload: ArchiveUploaded,
    *,
    worker: Worker,
    runtime: Runtime,
    around: Surroundings,
    dags: DagsBucket,
    artifacts: ArtifactsBucket,
) -> None:
    """Raises what ``deploy_half`` raises; where the same content stands already, nothing is put."""
    time_left = TimeLeft.of(worker.lease_seconds, around.clock)

    def deploy(environment: Environment, source: Source) -> Deployed:
        standing = _standing_zip(environment, dags)
        changed = environment.changed_in(source.digest)
        with with_lines(source.files.get(PIPELINE_FILE)):
            selection = select_modules(source.pipeline_file, environment.lane, source.files, changed)
        marker = standing.marker if standing else {}
        shows = what_it_shows(selection.fingerprint, schedules=environment.schedules)
        # In a release lane it may be the repair of what no metadata tells: other bytes, a copy that was changed.
        is_a_release = environment.is_of_a_release
        head_sha = None if is_a_release else commit_that_stands(marker, source.digest, runtime.version, shows)
        zip_sha256 = sha256_that_stands(marker)
        data: dict[str, object] = {"unchanged": True}
        before = environment.pipeline
        told = before.message if before and before.source_digest == source.digest else selection.in_words
        if head_sha is None:
            head_sha = environment.head_sha
            time_left.check(_FOR_A_PACKAGE)
            registry = around.registry
            with with_lines(source.files.get(PIPELINE_FILE)):
                data, zip_sha256, warnings = _put(
                    environment, source, selection, runtime, worker.limits, standing, registry, dags, artifacts
                )
            told = shortened("\n".join([*filter(None, [selection.in_words]), *warnings]))
        data |= {"modules": len(selection.modules), "selected": len(selection.shown)}
        half = Half(
            source.digest,
            head_sha,
            environment.generation,
            around.clock(),
            message=told,
            has_dags=selection.may_have_dags,
            zip_sha256=zip_sha256,
            version=runtime.version,
        )
        # After the zip was put: Airflow looks for it meanwhile.
        changes = _changes(environment, source)
        return Deployed(lambda newest: with_base_changes(with_pipeline(newest, half), changes), data)

    def check_turn(newest: Environment, key: SourceArchiveKey) -> None:
        check_is_the_pipelines_turn(newest, key, upload.uploaded_at, around.clock())

    try:
        deploy_half(
            "pipeline",
            upload,
            announce=EventKind.PACKAGED,
            deploy=deploy,
            worker=worker,
            around=around,
            check_turn=check_turn,
        )
    except SupersededError:
        _have_it_removed(upload, worker, around)
        raise


def _changes(environment: Environment, source: Source) -> BaseChanges | None:
    """What the intake noted of this archive, with the modules that use what is changed; None where nobody knows."""
    changed, noted = environment.changed_in(source.digest), environment.overview.changes
    if changed is None or noted is None:
        return None
    return with_changed(noted, source.pipeline_file, source.files, changed)


def _have_it_removed(upload: ArchiveUploaded, worker: Worker, around: Surroundings) -> None:
    """An archive that comes when there is no environment, of a CI job or of a worker that was slow, would stay."""
    key = SourceArchiveKey.parse(upload.key)
    found = around.registry.find(worker.lane, key.repository, key.pull_number)
    if found is not None and not found.is_live:
        around.bus.publish(EventKind.REMOVAL_REQUESTED, event_detail(found, around.clock()))


def _standing_zip(environment: Environment, dags: DagsBucket) -> StoredZip | None:
    name = environment.claimed_name
    standing = dags.zip(name)
    if standing is not None and not carries(standing.marker, marker_of(environment)):
        raise NotOursError(f"{name}.zip is in the dags folder and is not of this pull request: it is left alone")
    return standing


def _put(
    environment: Environment,
    source: Source,
    selection: Selection,
    runtime: Runtime,
    limits: Limits,
    standing: StoredZip | None,
    registry: Registry,
    dags: DagsBucket,
    artifacts: ArtifactsBucket,
) -> tuple[dict[str, object], str, Sequence[str]]:
    """What is told on the bus, the zip's SHA-256, and what the author will want to know."""
    name, marker = environment.claimed_name, marker_of(environment)
    job_code = artifacts_of(source.files, source.pipeline_file)
    with ThreadPoolExecutor(1) as beside:
        standing_copy = beside.submit(dags.copied, name)
        packaged = packaging.package_dags(
            source.files,
            dags_folder=source.pipeline_file.dags,
            source_digest=source.digest,
            runtime=runtime.modules,
            version=runtime.version,
            vendored=unpack_wheels(required(source.files, source.pipeline_file.requirements), source.files, limits),
        )
    differs = check_promoted_zip(environment, packaged.sha256, runtime.version)
    beside_zip = packaging.files_beside(packaged, source.pipeline_file.unpacked_copy)
    plan = plan_copy(beside_zip, standing_copy.result(), packaged.digests)
    uris = {one.name: artifacts.put(name, one, marker) for one in job_code}
    dags.put_copy(name, plan.put, plan.keep, marker)
    _check_still_wanted(environment, registry)
    dags.put_configuration(name, source.digest, _configuration(environment, source, selection, uris), marker)
    _check_still_wanted(environment, registry)
    shows = what_it_shows(selection.fingerprint, schedules=environment.schedules)
    noted = zip_marker(environment, source.digest, runtime.version, shows, packaged.sha256)
    dags.put_zip(name, packaged.archive, noted, replaces=standing)
    before = digest_that_stands(standing.marker) if standing else None
    _drop(environment, plan.drop, [one for one in (source.digest, before) if one], dags, artifacts)
    warnings = [*differs, *packaged.warnings, *selection.warnings]
    told = {
        "zip_sha256": packaged.sha256,
        "files_put": len(plan.put),
        "files_kept": len(plan.keep),
        "artifacts": uris,
        "warnings": warnings,
    }
    return told, packaged.sha256, warnings


def _check_still_wanted(environment: Environment, registry: Registry) -> None:
    newest = registry.get(environment.repository_id, environment.pull_number)
    assert newest is not None, "the registry lost the item under our lease"
    check_not_superseded(newest, environment.generation)


def _drop(
    environment: Environment,
    paths: Sequence[str],
    digests: Sequence[str],
    dags: DagsBucket,
    artifacts: ArtifactsBucket,
) -> None:
    """What the commit dropped, and the configurations and job code of other source digests than these.

    The last one's stay: a worker that has the new zip not yet, or a task that runs, still reads them.
    """
    name, marker = environment.claimed_name, marker_of(environment)
    read = [configuration for one in digests if (configuration := dags.configuration(name, one)) is not None]
    dags.drop_copied(name, paths, marker, keep_configurations=digests)
    artifacts.drop(name, marker, keep={uri for configuration in read for uri in uris_in(configuration)})


def _configuration(
    environment: Environment, source: Source, selection: Selection, artifacts: Mapping[str, str]
) -> bytes:
    settings = source.pipeline_file.told_settings(environment.lane, is_canary=environment.is_canary)
    asked_for = {} if environment.schedules is None else {"schedules": environment.schedules}
    return packaging.configuration(
        environment=environment.claimed_name,
        lane=environment.lane,
        repository=environment.repository,
        pull_number=environment.pull_number,
        head_sha=environment.head_sha,
        source_digest=source.digest,
        settings={**settings, **asked_for},
        schemas=told_schemas(environment, source),
        selected=selection.selected,
        artifacts=artifacts,
        ids=NEXT if environment.is_canary else None,
    )
