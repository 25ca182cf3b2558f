"""What is asked of an environment's data → the views and tables of its own schemas.

An archive makes them, and each seed follows as a message of its own; the half stands when the last of them is done.
"""

from __future__ import annotations

from collections.abc import Sequence

from dagbranch.domain.data_changes import check_no_seed_runs
from dagbranch.domain.data_history import shortened
from dagbranch.domain.data_plan import DataPlan, plan_removal
from dagbranch.domain.data_stack import DataStack
from dagbranch.domain.declared_tables import check_declared_tables, full_names
from dagbranch.domain.environments import Environment, Half
from dagbranch.domain.facts import with_schemas
from dagbranch.domain.life_cycle import with_data
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.pipeline_file import with_lines
from dagbranch.domain.requests import ArchiveUploaded, DataRequest, EventKind, SeedRequest
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.statements import Statement
from dagbranch.ports import SeedQueue, Warehouse
from dagbranch.use_cases.data_work import Provisioner
from dagbranch.use_cases.deploy_half import (
    Deployed,
    Source,
    Surroundings,
    Worker,
    declared_data,
    deploy_half,
    told_schemas,
)
from dagbranch.use_cases.gather_data import gather_data
from dagbranch.use_cases.renew_data import renew_data
from dagbranch.use_cases.seed_table import seed_table


def provision_data(
    request: ArchiveUploaded | SeedRequest | DataRequest,
    *,
    worker: Worker,
    around: Surroundings,
    warehouse: Warehouse,
    stack: DataStack,
    seeds: SeedQueue,
) -> None:
    """Raises what ``deploy_half`` raises; the same request a second time changes nothing in the warehouse."""
    by = Provisioner(worker, around, warehouse, stack, seeds)
    match request:
        case ArchiveUploaded():
            _provision_archive(request, by)
        case SeedRequest():
            seed_table(request, by)
        case DataRequest():
            renew_data(request, by)


def _provision_archive(upload: ArchiveUploaded, by: Provisioner) -> None:
    def deploy(environment: Environment, source: Source) -> Deployed:
        plan = _made(environment, source, by)
        to_fill = [seed.table for seed in plan.seeds] if plan else []
        warnings = plan.warnings if plan else ()
        half = Half(
            source.digest,
            environment.head_sha,
            environment.generation,
            by.around.clock(),
            message=shortened("\n".join(warnings)),
        )

        def change(newest: Environment) -> Environment:
            made = with_data(newest, half, plan.targets if plan else (), to_fill)
            return with_schemas(made, plan.overview if plan else ())

        data = {
            "schemas": dict(plan.schemas) if plan else {},
            "statements": len(plan.statements) if plan else 0,
            "seeds": len(to_fill),
            "warnings": list(warnings),
        }
        return Deployed(
            change,
            data,
            is_complete=not to_fill,
            remark=_remark(len(to_fill), half.message),
        )

    noted = deploy_half(
        "data", upload, announce=EventKind.PROVISIONED, deploy=deploy, worker=by.worker, around=by.around
    )
    if noted is not None:
        by.hand_out(SourceArchiveKey.parse(upload.key), noted.generation, noted.seeding)


def _made(environment: Environment, source: Source, by: Provisioner) -> DataPlan | None:
    """What was run; None where there is nothing to make. The warehouse is reached only where there is a reason to."""
    specification = declared_data(environment, source)
    if specification is None:
        if source.pipeline_file.makes_data(environment.lane, is_canary=environment.is_canary):
            _drop_undeclared(environment, by)
        else:
            _check_tables(environment, source, by)
        return None
    plan = gather_data(environment, specification, source, by).plan
    _check_no_seed_loses_its_table(environment, plan.statements, by)
    by.around.registry.remember_columns(environment.repository_id, plan.seen)
    by.run(environment, plan.phases, plan.fence)
    return plan


def _check_no_seed_loses_its_table(environment: Environment, statements: Sequence[Statement], by: Provisioner) -> None:
    """A worker of the request before this one stops by itself; until then it would note a new table as filled."""
    newest = by.around.registry.get(environment.repository_id, environment.pull_number)
    assert newest is not None, "the registry lost the item under our lease"
    dropped = {name for statement in statements if statement.sql.startswith("DROP ") for name in statement.writes}
    check_no_seed_runs(newest, by.around.clock(), dropped)


def _check_tables(environment: Environment, source: Source, by: Provisioner) -> None:
    """In a lane whose tables are there already, and where nothing is ever made, changed or dropped."""
    declared = source.pipeline_file.data
    if declared is None:
        return
    schemas = full_names(declared, told_schemas(environment, source))
    with with_lines(source.files.get(PIPELINE_FILE)):
        check_declared_tables(declared, schemas, by.warehouse.schemas(set(schemas.values())))


def _drop_undeclared(environment: Environment, by: Provisioner) -> None:
    """The schemas that an earlier commit declared, where this one declares none at all."""
    if not environment.schemas:
        return
    plan = plan_removal(
        by.warehouse.schemas(environment.schemas),
        environment=environment.claimed_name,
        repository=environment.repository,
        pull_number=environment.pull_number,
        lane=environment.lane,
    )
    _check_no_seed_loses_its_table(environment, plan.statements, by)
    by.run(environment, [plan.statements] if plan.statements else [], plan.fence)


def _remark(to_fill: int, message: str) -> str:
    tables = [f"{to_fill} table{'' if to_fill == 1 else 's'} to fill"] if to_fill else []
    return "\n".join([*tables, *([message] if message else [])])
