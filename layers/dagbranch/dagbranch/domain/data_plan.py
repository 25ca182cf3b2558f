"""The pure decision of the warehouse: what is declared, what the base has and what exists become ordered statements.

What is read is a view, what is written a table of the environment's own. A second plan after the first is empty.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dagbranch.domain import naming, statements
from dagbranch.domain.access import Access, AccessPlan, plan_access
from dagbranch.domain.data_guard import narrowed
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.fence import Fence
from dagbranch.domain.overview import SchemaOverview
from dagbranch.domain.protections import unmet_protections
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.schema_ownership import check_ownership, is_ours, stale_schemas
from dagbranch.domain.schema_pairs import check_allowed, schema_pairs
from dagbranch.domain.schema_plan import SchemaPlan, plan_schema
from dagbranch.domain.seeds import Seed
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.statements import Statement
from dagbranch.domain.wanted_data import Judgement, WantedSchema, wanted_data
from dagbranch.domain.warehouse_state import FoundSchema, Grant
from dagbranch.errors import InvalidPipelineError

type Phase = tuple[Statement, ...]

NOBODY: Final = Access()


@dataclass(frozen=True)
class DataPlan:
    """``phases``: one after the other, the statements of each in any order; then ``seeds``, each by itself.

    ``schemas`` tells what code is told: ``db_attribution`` is ``db_attribution_feature1`` here. ``seen``: the columns
    of masked tables that nobody had seen before, by the base's full names. ``overview``: what is told of the schemas.
    """

    phases: tuple[Phase, ...]
    seeds: tuple[Seed, ...]
    fence: Fence
    schemas: Mapping[str, str]
    targets: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    seen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    overview: tuple[SchemaOverview, ...] = ()

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Those of all phases, in an order in which they can run one after the other."""
        return tuple(statement for phase in self.phases for statement in phase)

    def everything(self) -> tuple[Statement, ...]:
        """The seeds too, where the warehouse knows every form: a cloned table is full."""
        seeds = (seed for seed in self.seeds if not seed.is_cloned)
        return (*self.statements, *(statement for seed in seeds for statement in seed.statements))


@dataclass(frozen=True)
class RemovalPlan:
    """What drops an environment's schemas, and which of those asked for are ``not_ours`` and stay."""

    statements: tuple[Statement, ...]
    fence: Fence
    not_ours: tuple[str, ...]


def plan_data_environment(
    specification: DataSpecification,
    *,
    environment: str,
    repository: str,
    pull_number: int,
    table_suffix: str,
    found: Mapping[str, FoundSchema],
    judgement: Judgement | None = None,
    knowledge: Knowledge | None = None,
    stack_access: Access = NOBODY,
    granted: Mapping[str, Collection[Grant]] | None = None,
    reset: bool = False,
    lane: str = naming.PREVIEW,
) -> DataPlan:
    """What makes the data environment as declared, from whatever stands there; nothing where it stands already.

    ``found`` has the base's schemas and the environment's own: those of ``schema_pairs`` and those of earlier
    commits, which are dropped when they are no longer declared. ``granted``: by the environment's schemas; None where
    access is not dagbranch's affair. Raises InvalidPipelineError where what is declared cannot be, NotOursError
    where a schema is another's.
    """
    judgement, knowledge = judgement or Judgement(), knowledge or Knowledge()
    owner = SchemaMarker(environment, repository, pull_number, lane=lane)
    pairs = schema_pairs(specification, environment, table_suffix)
    check_allowed(pairs, judgement.allowed)
    check_ownership(pairs, found, owner)
    wanted, warnings = wanted_data(specification, pairs, found, judgement)
    stale = stale_schemas(pairs, found, owner)
    clones = specification.clone == "auto"
    plans = [
        plan_schema(one, owner, found.get(one.pair.target), knowledge, clones=clones, reset=reset) for one in wanted
    ]
    warnings += _checked(plans, unmet_protections(wanted, knowledge, judgement), judgement)
    targets = tuple(pair.target for pair in pairs)
    access = AccessPlan()
    if granted is not None:
        access = plan_access(targets, access_of(specification, judgement, stack_access), granted)
        warnings += _left_out(specification, judgement)
    return DataPlan(
        phases=_phases(
            (statement for plan in plans for statement in plan.schemas),
            (
                *map(statements.drop_schema, stale),
                *(statement for plan in plans for statement in plan.drops),
                *access.revokes,
            ),
            (statement for plan in plans for statement in (*plan.views, *plan.tables)),
            # Nobody is let in before the views show what is wanted.
            (*(statement for plan in plans for statement in plan.comments), *access.grants),
        ),
        seeds=tuple(seed for plan in plans for seed in plan.seeds),
        fence=Fence(
            owner,
            frozenset({*targets, *stale}),
            frozenset(pair.source for pair in pairs),
            naming.schema_name("", environment, table_suffix).lower(),
            judgement.allowed,
        ),
        schemas={pair.declared: naming.schema_name(pair.declared, environment, table_suffix) for pair in pairs},
        targets=targets,
        warnings=tuple(warnings),
        seen=_seen(wanted, knowledge),
        overview=tuple(map(_overview, wanted)),
    )


def plan_removal(
    found: Mapping[str, FoundSchema],
    *,
    environment: str,
    repository: str,
    pull_number: int,
    lane: str = naming.PREVIEW,
) -> RemovalPlan:
    """Drops, of the schemas asked for, those that carry this environment's marker, and no other."""
    owner = SchemaMarker(environment, repository, pull_number, lane=lane)
    ours = tuple(sorted(name for name, schema in found.items() if is_ours(schema, owner)))
    return RemovalPlan(
        tuple(statements.drop_schema(schema) for schema in ours),
        Fence(owner, frozenset(ours), frozenset()),
        tuple(sorted(set(found) - set(ours))),
    )


def access_of(specification: DataSpecification, judgement: Judgement, stack_access: Access) -> Access:
    """The stack's own people, and of the default branch's those whom the pull request does not leave out."""
    guard, wanted = judgement.guard, specification.grants
    return Access(
        tuple(dict.fromkeys((*stack_access.readers, *narrowed(guard.readers, wanted.readers)))),
        tuple(dict.fromkeys((*stack_access.writers, *narrowed(guard.writers, wanted.writers)))),
    )


def tables_to_describe(wanted: Iterable[WantedSchema], found: Mapping[str, FoundSchema]) -> set[str]:
    """Full names of what a plan asks more about than its name: the masked, the seeded, the environment's tables.

    And its views that are no longer declared, which may be the pipeline's own, and one that is, which tells whether
    views follow their table here.
    """
    names: set[str] = set()
    for schema in wanted:
        seeded = {name for name, written in schema.tables.items() if written.seed}
        names |= {f"{schema.pair.source}.{name}" for name in {*schema.masks, *seeded}}
        stands = found.get(schema.pair.target, FoundSchema()).tables
        names |= {
            f"{schema.pair.target}.{name}"
            for name, kind in stands.items()
            if kind == "table" or name not in schema.views
        }
        names |= {f"{schema.pair.target}.{name}" for name in _plain_views(schema, found)[:1]}
    return names


def views_to_compare(
    wanted: Iterable[WantedSchema], found: Mapping[str, FoundSchema], knowledge: Knowledge
) -> set[str]:
    """Full names of the views and tables whose columns are to be compared: where views do not follow by themselves."""
    names: set[str] = set()
    for schema in wanted:
        views = _plain_views(schema, found)
        first = knowledge.details.get(f"{schema.pair.target}.{views[0]}") if views else None
        if first is not None and not first.follows:
            names |= {f"{side}.{name}" for name in views for side in (schema.pair.source, schema.pair.target)}
    return names


def masked_sources(wanted: Iterable[WantedSchema]) -> set[str]:
    """Full names of the base's tables that have masks."""
    return {f"{schema.pair.source}.{name}" for schema in wanted for name in schema.masks}


def _plain_views(schema: WantedSchema, found: Mapping[str, FoundSchema]) -> list[str]:
    stands = found.get(schema.pair.target, FoundSchema()).tables
    return [name for name in schema.views if stands.get(name) == "view" and name not in schema.masks]


def _overview(wanted: WantedSchema) -> SchemaOverview:
    return SchemaOverview(
        wanted.pair.target,
        wanted.pair.source,
        len(wanted.views),
        tuple(sorted(wanted.tables)),
        seeded=tuple(sorted(name for name, written in wanted.tables.items() if written.seed)),
        masked=tuple(sorted(name for name in wanted.views if name in wanted.masks)),
    )


def _phases(*phases: Iterable[Statement]) -> tuple[Phase, ...]:
    return tuple(phase for phase in map(tuple, phases) if phase)


def _checked(plans: Iterable[SchemaPlan], unmet: Iterable[str], judgement: Judgement) -> list[str]:
    """The warnings of the plans. Raises InvalidPipelineError with every fault."""
    plans = list(plans)
    faults = [*(fault for plan in plans for fault in plan.faults), *unmet]
    drift = [fault for plan in plans for fault in plan.drift]
    if faults or (drift and not judgement.lenient):
        raise InvalidPipelineError("\n".join([*faults, *drift]))
    return [*drift, *(warning for plan in plans for warning in plan.warnings)]


def _left_out(specification: DataSpecification, judgement: Judgement) -> list[str]:
    """Whom the file names and the default branch does not."""
    guard, wanted = judgement.guard, specification.grants
    both = (("readers", wanted.readers, guard.readers), ("writers", wanted.writers, guard.writers))
    return [
        f"{PIPELINE_FILE}: data.grants.{kind}: {name}: the default branch does not name it: left out"
        for kind, names, demanded in both
        for name in names or ()
        if name not in demanded
    ]


def _seen(wanted: Iterable[WantedSchema], knowledge: Knowledge) -> dict[str, frozenset[str]]:
    return {
        table: frozenset(name.lower() for name in knowledge.details[table].columns)
        for table in sorted(masked_sources(wanted))
        if table in knowledge.details and table not in knowledge.columns
    }
