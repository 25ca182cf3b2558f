"""What packaging and provisioning have in common: one uploaded archive, one half of one environment, under a lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from dagbranch.domain.asked_archive import check_is_asked_for, with_digest_of
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.environments import Environment, HalfName, LeaseName
from dagbranch.domain.leases import with_lease, without_lease
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


def declared_data(environment: Environment, source: Source) -> DataSpecification | None:
    """The data environment that is to be made; None where none is declared, or its lane makes none."""
    return source.pipeline_file.data_of(environment.lane, is_canary=environment.is_canary)


def told_schemas(environment: Environment, source: Source) -> dict[str, str]:
    """The environment's name of every declared schema."""
    name = environment.claimed_name
    return source.pipeline_file.schema_names(environment.lane, name, is_canary=environment.is_canary)


@dataclass(frozen=True)
class Deployed:
    """How the registry's record changes; what is told on the bus, once nothing is left to do, and in its history."""

    change: Callable[[Environment], Environment]
    data: Mapping[str, object]
    is_complete: bool = True
    remark: str = ""


def deploy_half(
    half: HalfName,
    upload: ArchiveUploaded,
    *,
    announce: EventKind,
    deploy: Callable[[Environment, Source], Deployed],
    worker: Worker,
    around: Surroundings,
    check_turn: Callable[[Environment, SourceArchiveKey], None] = lambda _, __: None,
) -> Environment | None:
    """The record as it is after the work; None where that ended in the registry as ``failed``.

    That is what the author has to mend, or an upstream refuses for good. Raises SupersededError or NotYetError for an
    archive that the registry does not ask for (any more, yet), and what ``check_turn`` raises of it before the work is
    begun; any other error leaves the lease free.
    """
    registry, clock = around.registry, around.clock
    key = SourceArchiveKey.parse(upload.key)
    found = find_environment(key, worker, around)

    def check(newest: Environment | None) -> None:
        check_is_asked_for(newest, key, upload.uploaded_at, clock())
        assert newest is not None, "nothing was asked for"
        check_turn(newest, key)

    check(found)
    assert found is not None, "nothing was asked for"
    with leased(found, half, worker, around, check) as environment:
        try:
            source = read_source(key, worker, around)
            deployed = deploy(_taken(environment, key, check, registry), source)
        except (SourceError, UpstreamError) as error:
            fail(environment, half, error, worker, around)
            return None
        noted = registry.update(
            environment,
            lambda newest: without_lease(deployed.change(newest), half, worker.name),
            event=f"{announce.lower()} {key.source_digest[:12]}" + (f": {deployed.remark}" if deployed.remark else ""),
        )
    around.telemetry.info(f"the {half} stands", complete=deployed.is_complete, **deployed.data)
    if deployed.is_complete:
        tell(announce, noted, around, **deployed.data)
    return noted


def _taken(
    environment: Environment, key: SourceArchiveKey, check: Callable[[Environment], None], registry: Registry
) -> Environment:
    """The record once this archive is the asked one, for both halves: of what takes uploads, the first sound one is."""
    if with_digest_of(environment, key) == environment:
        return environment

    def taken(newest: Environment) -> Environment:
        check(newest)
        return with_digest_of(newest, key)

    return registry.update(environment, taken, event=f"takes {key.source_digest[:12]}, that was uploaded")


def find_environment(key: SourceArchiveKey, worker: Worker, around: Surroundings) -> Environment | None:
    """Whose archive this is, told to every line of the log."""
    found = around.registry.find(worker.lane, key.repository, key.pull_number)
    around.telemetry.about(
        environment=found.name if found else None,
        repository=key.repository,
        pull_number=key.pull_number,
        head_sha=key.head_sha,
    )
    return found


def tell(announce: EventKind, noted: Environment, around: Surroundings, **data: object) -> None:
    """Announces on the bus that a half stands for the newest request, all of it."""
    around.bus.publish(announce, event_detail(noted, around.clock(), **data))
    around.telemetry.info(str(announce), **data)
    around.telemetry.seconds(f"RequestTo{announce}", (around.clock() - noted.requested_at).total_seconds())


def fail(
    environment: Environment, lease: LeaseName, error: SourceError | UpstreamError, worker: Worker, around: Surroundings
) -> None:
    """Notes what is for good as the environment's failure and gives the lease back; raises what passes."""
    if not is_for_good(error):
        raise error
    note_failure(
        environment,
        f"{lease} failed",
        str(error),
        registry=around.registry,
        bus=around.bus,
        telemetry=around.telemetry,
        now=around.clock(),
        settle=lambda noted: without_lease(noted, lease, worker.name),
    )


@contextmanager
def leased(
    found: Environment,
    lease: LeaseName,
    worker: Worker,
    around: Surroundings,
    check: Callable[[Environment], None] = lambda _: None,
) -> Iterator[Environment]:
    """The record under our lease, which the write that ends the work gives back, and an error on the way as well.

    ``check`` raises, for the newest record, what keeps the work from being begun.
    """

    def take(newest: Environment) -> Environment:
        check(newest)
        return with_lease(newest, lease, worker.name, around.clock(), worker.lease_seconds)

    environment = around.registry.update(found, take, event="")
    try:
        yield environment
    except BaseException:
        around.registry.update(environment, lambda newest: without_lease(newest, lease, worker.name), event="")
        raise


def read_source(key: SourceArchiveKey, worker: Worker, around: Surroundings) -> Source:
    """The archive's files, checked against the digest in its key."""
    limits = worker.limits
    archive = around.sources.get(key, most_bytes=2 * limits.size_bytes)
    if (found := source_digest(archive)) != key.source_digest:
        raise UnsafeArchiveError(
            f"the source archive's content has the digest {found[:12]}…, its key says {key.source_digest[:12]}…"
        )
    files = read_source_archive(archive, limits)
    return Source(key.source_digest, files, parse_pipeline_file(files.get(PIPELINE_FILE)))
