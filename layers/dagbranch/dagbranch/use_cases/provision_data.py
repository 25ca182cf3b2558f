"""A source archive → the views and tables of the environment's own schemas."""

from __future__ import annotations

from dataclasses import replace

from dagbranch.domain.data_plan import DataPlan, plan_data_environment, plan_removal, schema_pairs
from dagbranch.domain.environments import Environment, Half, check_not_superseded, with_data
from dagbranch.domain.requests import ArchiveUploaded, EventKind
from dagbranch.domain.specification import PipelineFile
from dagbranch.ports import Registry, Warehouse
from dagbranch.use_cases.deploy_half import Deployed, Source, Surroundings, Worker, deploy_half


def provision_data(
    upload: ArchiveUploaded,
    *,
    worker: Worker,
    around: Surroundings,
    warehouse: Warehouse,
) -> None:
    """Raises what ``deploy_half`` raises; a second run for the same archive changes nothing in the warehouse."""

    def deploy(environment: Environment, source: Source) -> Deployed:
        plan = _plan(environment, source.pipeline_file, around.registry, warehouse)
        if plan is not None:
            warehouse.execute(plan.statements, plan.fence)
            warehouse.seed(plan.seeds, plan.fence)
        half = Half(source.digest, environment.head_sha, environment.generation, around.clock())
        return Deployed(
            lambda newest: with_data(newest, half, plan.targets if plan else ()),
            {
                "schemas": dict(plan.schemas) if plan else {},
                "statements": len(plan.statements) if plan else 0,
                "seeds": len(plan.seeds) if plan else 0,
            },
        )

    deploy_half("data", upload, announce=EventKind.PROVISIONED, deploy=deploy, worker=worker, around=around)


def _plan(
    environment: Environment, pipeline_file: PipelineFile, registry: Registry, warehouse: Warehouse
) -> DataPlan | None:
    """What is to be run; None where no data is declared. The warehouse is asked only where there is a reason to."""
    specification = pipeline_file.data_of(environment.lane)
    if specification is None:
        _drop_undeclared(environment, warehouse)
        return None
    name, suffix = environment.claimed_name, pipeline_file.table_suffix(environment.lane)
    pairs = schema_pairs(specification, name, suffix)
    targets = [pair.target for pair in pairs]
    # Noted before they are made: a removal looks for them even if this worker dies half-way.
    registry.update(environment, lambda newest: _with_schemas(newest, environment.generation, targets), event="")
    return plan_data_environment(
        specification,
        environment=name,
        repository=environment.repository,
        pull_number=environment.pull_number,
        table_suffix=suffix,
        base=warehouse.tables([pair.source for pair in pairs]),
        existing=warehouse.existing(sorted({*targets, *environment.schemas})),
    )


def _drop_undeclared(environment: Environment, warehouse: Warehouse) -> None:
    """The schemas that an earlier commit declared, where this one declares none at all."""
    if not environment.schemas:
        return
    plan = plan_removal(
        warehouse.existing(environment.schemas),
        environment=environment.claimed_name,
        repository=environment.repository,
        pull_number=environment.pull_number,
    )
    warehouse.execute(plan.statements, plan.fence)


def _with_schemas(newest: Environment, generation: int, schemas: list[str]) -> Environment:
    check_not_superseded(newest, generation)
    return replace(newest, schemas=tuple(dict.fromkeys([*newest.schemas, *schemas])))
