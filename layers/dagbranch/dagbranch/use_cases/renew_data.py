"""A standing environment's data, made anew from the base or brought to what the base is now; no DAG is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dagbranch.domain.data_changes import check_no_seed_runs, compared, reason_not_to_renew, reset_begun
from dagbranch.domain.data_history import Followed, shortened
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.environments import Environment, Half
from dagbranch.domain.facts import with_schemas
from dagbranch.domain.leases import without_lease
from dagbranch.domain.life_cycle import with_data
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.overview import SchemaOverview
from dagbranch.domain.requests import DataRequest, EventKind, event_detail
from dagbranch.errors import SourceError, SupersededError, UpstreamError, is_for_good
from dagbranch.use_cases.data_work import Provisioner
from dagbranch.use_cases.deploy_half import Source, declared_data, fail, leased, read_source, tell
from dagbranch.use_cases.gather_data import Gathered, gather_data


def renew_data(request: DataRequest, by: Provisioner) -> None:
    """Does nothing, and says why, where the environment's data does not stand."""
    registry, telemetry = by.around.registry, by.around.telemetry
    telemetry.about(repository=request.repository, pull_number=request.pull_number)
    found = registry.get(request.repository_id, request.pull_number)
    if refusal := reason_not_to_renew(found, request):
        telemetry.warning(f"no {request.kind}: {refusal}")
        return
    assert found is not None, "there is a reason where there is none"
    telemetry.about(environment=found.name, head_sha=found.head_sha)

    def check(newest: Environment) -> None:
        if refusal := reason_not_to_renew(newest, request):
            raise SupersededError(refusal)
        check_no_seed_runs(newest, by.around.clock())

    with leased(found, "data", by.worker, by.around, check) as environment:
        if request.kind == "reset":
            _reset(environment, by)
        else:
            _follow(environment, by)


def _reset(environment: Environment, by: Provisioner) -> None:
    key = _standing_archive(environment)
    try:
        source = read_source(key, by.worker, by.around)
        specification = _declared(environment, source)
        gathered = gather_data(environment, specification, source, by, reset=True)
        noted = _make_anew(environment, source, gathered, by)
    except (SourceError, UpstreamError) as error:
        fail(environment, "data", error, by.worker, by.around)
        return
    by.hand_out(key, noted.generation, noted.seeding)
    if not noted.seeding:
        tell(EventKind.PROVISIONED, noted, by.around, schemas=dict(gathered.plan.schemas))


def _make_anew(environment: Environment, source: Source, gathered: Gathered, by: Provisioner) -> Environment:
    plan, generation, clock = gathered.plan, environment.generation, by.around.clock
    tables = [seed.table for seed in plan.seeds]
    by.around.registry.update(
        environment, lambda newest: reset_begun(newest, generation, tables, clock()), event="making its data anew"
    )
    by.run(environment, plan.phases, plan.fence)
    half = Half(source.digest, environment.head_sha, generation, clock(), message=shortened("\n".join(plan.warnings)))

    def change(newest: Environment) -> Environment:
        made = with_schemas(with_data(newest, half, plan.targets, tables), plan.overview)
        return replace(without_lease(made, "data", by.worker.name), reset_at=half.at)

    return by.around.registry.update(environment, change, event=f"made its data anew, {len(tables)} to fill")


def _follow(environment: Environment, by: Provisioner) -> None:
    """What cannot be followed stays as it is, and is in the history: status and pipeline are not touched."""
    key = _standing_archive(environment)
    try:
        source = read_source(key, by.worker, by.around)
        specification = declared_data(environment, source)
        gathered = gather_data(environment, specification, source, by, lenient=True) if specification else None
        if gathered is not None:
            by.run(environment, gathered.plan.phases, gathered.plan.fence)
    except (SourceError, UpstreamError) as error:
        if not is_for_good(error):
            raise
        _note_comparison(environment, shortened(f"could not follow the base: {error}"), (), by)
        by.around.telemetry.warning("could not follow the base", reason=str(error))
        return
    if gathered is None or not gathered.plan.phases:
        _note_comparison(environment, "", (), by)
        return
    followed = Followed.of(gathered.plan.statements, gathered.found)
    tables = [seed.table for seed in gathered.plan.seeds]
    noted = _note_comparison(environment, str(followed), tables, by, gathered.plan.overview)
    by.hand_out(key, noted.generation, tables)
    by.around.bus.publish(
        EventKind.UPDATED,
        event_detail(
            noted, by.around.clock(), added=followed.added, removed=followed.removed, changed=followed.changed
        ),
    )
    by.around.telemetry.info(str(followed))


def _note_comparison(
    environment: Environment,
    event: str,
    tables: Sequence[str],
    by: Provisioner,
    schemas: Sequence[SchemaOverview] | None = None,
) -> Environment:
    """``schemas``: as they are now, None where nothing of them has changed."""

    def change(newest: Environment) -> Environment:
        noted = compared(newest, environment.generation, tables, by.around.clock())
        told = noted if schemas is None else with_schemas(noted, schemas)
        return without_lease(told, "data", by.worker.name)

    return by.around.registry.update(environment, change, event=event)


def _standing_archive(environment: Environment) -> SourceArchiveKey:
    data = environment.data
    assert data is not None, "it was checked that the half stands"
    return SourceArchiveKey(environment.repository, environment.pull_number, data.head_sha, data.source_digest)


def _declared(environment: Environment, source: Source) -> DataSpecification:
    specification = declared_data(environment, source)
    if specification is None:
        raise SupersededError("no data is declared, or made in this lane: there is nothing to make anew")
    return specification
