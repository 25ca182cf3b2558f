"""What a plan of an environment's data has to know, asked of the warehouse in as few rounds as there can be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.data_plan import (
    DataPlan,
    access_of,
    masked_sources,
    plan_data_environment,
    tables_to_describe,
    views_to_compare,
)
from dagbranch.domain.data_specification import DataSpecification, SchemaSpecification
from dagbranch.domain.declared_uses import uses_in
from dagbranch.domain.environments import Environment
from dagbranch.domain.life_cycle import check_not_superseded
from dagbranch.domain.pipeline_file import told_with_lines, with_lines
from dagbranch.domain.schema_pairs import SchemaPair, check_allowed, schema_pairs
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.wanted_data import Judgement, WantedSchema, wanted_data
from dagbranch.domain.warehouse_state import FoundSchema, Grant, TableDetails
from dagbranch.errors import InvalidPipelineError
from dagbranch.ports import Warehouse
from dagbranch.use_cases.data_work import Provisioner
from dagbranch.use_cases.deploy_half import Source


@dataclass(frozen=True)
class Gathered:
    """A plan, and what stood when it was made."""

    plan: DataPlan
    found: Mapping[str, FoundSchema]


def gather_data(
    environment: Environment,
    specification: DataSpecification,
    source: Source,
    by: Provisioner,
    *,
    reset: bool = False,
    lenient: bool = False,
) -> Gathered:
    """The plan of the whole environment, from what is there now. Its schemas are noted in the registry first."""
    judgement = replace(
        _judgement(environment, specification, by), lenient=lenient, uses=uses_in(source.files, source.pipeline_file)
    )
    pairs = _pairs(environment, specification, source, judgement)
    targets = [pair.target for pair in pairs]
    # Noted before they are made: a removal looks for them even if this worker dies half-way.
    by.around.registry.update(
        environment, lambda newest: _with_schemas(newest, environment.generation, targets), event=""
    )
    found = by.warehouse.schemas({*targets, *(pair.source for pair in pairs), *environment.schemas})
    plan = _plan(environment, specification, source, pairs, found, judgement, by, reset=reset)
    return Gathered(plan, found)


def gather_seed(
    environment: Environment, specification: DataSpecification, source: Source, table: str, by: Provisioner
) -> Gathered:
    """The plan of one table alone, judged as the whole is; nothing of other tables is asked."""
    judgement = _judgement(environment, specification, by)
    schema, _, name = table.rpartition(".")
    pairs = _pairs(environment, specification, source, judgement)
    pair = next((one for one in pairs if one.target == schema), None)
    if pair is None:
        raise InvalidPipelineError(f"{table} is in no schema that the archive declares")
    alone = _only(specification, pair.declared, name)
    found = {
        schema: FoundSchema(one.comment, {key: kind for key, kind in one.tables.items() if key == name})
        for schema, one in by.warehouse.schemas({pair.source, pair.target}).items()
    }
    return Gathered(_plan(environment, alone, source, (pair,), found, judgement, by), found)


def ask_details(
    wanted: Collection[WantedSchema], found: Mapping[str, FoundSchema], warehouse: Warehouse
) -> dict[str, TableDetails]:
    """Of the tables that a plan asks more about; a second round only where views do not follow by themselves."""
    asked = tables_to_describe(wanted, found)
    details = dict(warehouse.details(asked)) if asked else {}
    compared = views_to_compare(wanted, found, Knowledge(details)) - asked
    return details | dict(warehouse.details(compared)) if compared else details


def _plan(
    environment: Environment,
    specification: DataSpecification,
    source: Source,
    pairs: tuple[SchemaPair, ...],
    found: Mapping[str, FoundSchema],
    judgement: Judgement,
    by: Provisioner,
    *,
    reset: bool = False,
) -> DataPlan:
    text = source.files.get(PIPELINE_FILE)
    with with_lines(text):
        wanted, _ = wanted_data(specification, pairs, found, judgement)
        plan = plan_data_environment(
            specification,
            environment=environment.claimed_name,
            repository=environment.repository,
            pull_number=environment.pull_number,
            lane=environment.lane,
            table_suffix=source.pipeline_file.table_suffix(environment.lane, is_canary=environment.is_canary),
            found=found,
            judgement=judgement,
            knowledge=_knowledge(environment, wanted, found, by),
            stack_access=by.stack.access,
            granted=_granted(specification, pairs, found, judgement, by),
            reset=reset,
        )
    return replace(plan, warnings=tuple(told_with_lines(one, text) for one in plan.warnings))


def _judgement(environment: Environment, specification: DataSpecification, by: Provisioner) -> Judgement:
    guard = environment.guard
    if guard is None and environment.is_of_a_release:
        guard = DataGuard.of(specification)  # a commit of the default branch
    if guard is None:
        raise InvalidPipelineError(
            "what the default branch demands of this environment's data is not known: push a commit, so that it is read"
        )
    return Judgement(guard, by.stack.allows(environment.repository))


def _pairs(
    environment: Environment, specification: DataSpecification, source: Source, judgement: Judgement
) -> tuple[SchemaPair, ...]:
    """Checked before the warehouse is asked: what a repository may not read, it does not learn about either."""
    suffix = source.pipeline_file.table_suffix(environment.lane, is_canary=environment.is_canary)
    with with_lines(source.files.get(PIPELINE_FILE)):
        pairs = schema_pairs(specification, environment.claimed_name, suffix)
        check_allowed(pairs, judgement.allowed)
    return pairs


def _knowledge(
    environment: Environment, wanted: Collection[WantedSchema], found: Mapping[str, FoundSchema], by: Provisioner
) -> Knowledge:
    masked = masked_sources(wanted)
    columns = by.around.registry.known_columns(environment.repository_id, masked) if masked else {}
    return Knowledge(ask_details(wanted, found, by.warehouse), columns)


def _granted(
    specification: DataSpecification,
    pairs: Collection[SchemaPair],
    found: Mapping[str, FoundSchema],
    judgement: Judgement,
    by: Provisioner,
) -> Mapping[str, Collection[Grant]] | None:
    """None where nobody is named, so that a warehouse without grants is not asked for them."""
    if not access_of(specification, judgement, by.stack.access).grants:
        return None
    standing = [pair.target for pair in pairs if pair.target in found]
    return by.warehouse.grants(standing) if standing else {}


def _only(specification: DataSpecification, declared: str, table: str) -> DataSpecification:
    """The specification with one written table alone, and its masks."""
    schema: SchemaSpecification = specification.schemas[declared]
    alone = schema.model_copy(
        update={
            "read": (),
            "write": {name: written for name, written in schema.write.items() if name.lower() == table},
            "mask": {name: masks for name, masks in schema.mask.items() if name.lower() == table},
        }
    )
    return specification.model_copy(update={"schemas": {declared: alone}})


def _with_schemas(newest: Environment, generation: int, schemas: list[str]) -> Environment:
    check_not_superseded(newest, generation)
    return replace(newest, schemas=tuple(dict.fromkeys([*newest.schemas, *schemas])))
