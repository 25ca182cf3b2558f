"""What packaging and provisioning have in common: one uploaded archive, one half of one environment, under a lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from dagbranch.domain.environments import (
    Environment,
    HalfName,
    check_is_asked_for,
    with_lease,
    without_lease,
)
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.requests import ArchiveUploaded, EventKind, event_detail
from dagbranch.domain.source_archive import PIPELINE_FILE, Limits, read_source_archive, source_digest
from dagbranch.domain.specification import PipelineFile
from dagbranch.errors import SourceError, UnsafeArchiveError, UpstreamError, is_for_good
from dagbranch.ports import EventBus, Registry, SourceBucket, Telemetry
from dagbranch.use_cases.note_failure import note_failure


@dataclass(frozen=True)
class Worker:
    """Who does the work: the lane it serves, a name that tells it from others, and its time before it is killed."""

    lane: str
    name: str
    lease_seconds: int
    limits: Limits


@dataclass(frozen=True)
class Surroundings:
    """What both halves' work reaches, beside the bucket or the warehouse that is its own."""

    registry: Registry
    sources: SourceBucket
    bus: EventBus
    telemetry: Telemetry
    clock: Callable[[], datetime]


@dataclass(frozen=True)
class Source:
    digest: str
    files: Mapping[str, bytes]
    pipeline_file: PipelineFile


@dataclass(frozen=True)
class Deployed:
    """How the registry's record changes, and what is told on the bus."""

    change: Callable[[Environment], Environment]
    data: Mapping[str, object]


def deploy_half(
    half: HalfName,
    upload: ArchiveUploaded,
    *,
    announce: EventKind,
    deploy: Callable[[Environment, Source], Deployed],
    worker: Worker,
    around: Surroundings,
) -> None:
    """Raises SupersededError or NotYetError for an archive that the registry does not ask for (any more, yet).

    What the author has to mend, or an upstream refuses for good, ends in the registry as ``failed``; any other error
    leaves the lease free.
    """
    registry, telemetry, clock = around.registry, around.telemetry, around.clock
    key = SourceArchiveKey.parse(upload.key)
    found = registry.find(worker.lane, key.repository, key.pull_number)
    telemetry.about(
        environment=found.name if found else None,
        repository=key.repository,
        pull_number=key.pull_number,
        head_sha=key.head_sha,
    )
    check_is_asked_for(found, key.head_sha, upload.uploaded_at, clock())
    assert found is not None, "nothing was asked for"
    with _leased(found, half, worker, registry, clock) as environment:
        check_is_asked_for(environment, key.head_sha, upload.uploaded_at, clock())
        try:
            deployed = deploy(environment, _read(around.sources, key, worker.limits))
        except (SourceError, UpstreamError) as error:
            if not is_for_good(error):
                raise
            note_failure(
                environment,
                f"{half} failed",
                str(error),
                registry=registry,
                bus=around.bus,
                telemetry=telemetry,
                now=clock(),
                settle=lambda noted: without_lease(noted, half, worker.name),
            )
            return
        noted = registry.update(
            environment,
            lambda newest: without_lease(deployed.change(newest), half, worker.name),
            event=f"{announce.lower()} {key.source_digest[:12]}",
        )
    around.bus.publish(announce, event_detail(noted, clock(), **deployed.data))
    telemetry.info(str(announce), **deployed.data)
    telemetry.seconds(f"RequestTo{announce}", (clock() - noted.requested_at).total_seconds())


@contextmanager
def _leased(
    found: Environment, half: HalfName, worker: Worker, registry: Registry, clock: Callable[[], datetime]
) -> Iterator[Environment]:
    """The record under our lease, which the write that ends the work gives back, and an error on the way as well."""
    environment = registry.update(
        found, lambda newest: with_lease(newest, half, worker.name, clock(), worker.lease_seconds), event=""
    )
    try:
        yield environment
    except BaseException:
        registry.update(environment, lambda newest: without_lease(newest, half, worker.name), event="")
        raise


def _read(sources: SourceBucket, key: SourceArchiveKey, limits: Limits) -> Source:
    """The archive's files, checked against the digest in its key."""
    archive = sources.get(key, most_bytes=2 * limits.size_bytes)
    if (found := source_digest(archive)) != key.source_digest:
        raise UnsafeArchiveError(
            f"the source archive's content has the digest {found[:12]}…, its key says {key.source_digest[:12]}…"
        )
    files = read_source_archive(archive, limits)
    return Source(key.source_digest, files, parse_pipeline_file(files.get(PIPELINE_FILE)))
