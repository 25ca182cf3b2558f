"""The pure decision of the warehouse: what is declared, what the base has and what exists become ordered statements.

What is read is a view, what is written a table of the environment's own. A second plan after the first is empty.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from dagbranch.domain import naming, statements
from dagbranch.domain.access import Access, plan_access
from dagbranch.domain.data_guard import narrowed
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.fence import Fence
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.schema_pairs import SchemaPair, check_allowed, schema_pairs
from dagbranch.domain.schema_plan import Knowledge, SchemaPlan, plan_schema
from dagbranch.domain.seeds import Seed
from dagbranch.domain.statements import Statement
from dagbranch.domain.wanted_data import Judgement, WantedSchema, wanted_data
from dagbranch.domain.warehouse_state import FoundSchema, Grant
from dagbranch.errors import InvalidPipelineError, NotOursError

type Phase = tuple[Statement, ...]

NOBODY: Final = Access()


@dataclass(frozen=True)
class DataPlan:
    """``phases``: one after the other, the statements of each in any order; then ``seeds``, each by itself.

    ``schemas`` tells what code is told: ``db_attribution`` is ``db_attribution_feature1`` here. ``seen``: the columns
    of masked tables that nobody had seen before, by the base's full names.
    """

    phases: tuple[Phase, ...]
    seeds: tuple[Seed, ...]
    fence: Fence
    schemas: Mapping[str, str]
    targets: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    seen: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Those of all phases, in an order in which they can run one after the other."""
        return tuple(statement for phase in self.phases for statement in phase)

    def everything(self) -> tuple[Statement, ...]:
        """The seeds too."""
        return (*self.statements, *(statement for seed in self.seeds for statement in seed.statements))


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
) -> DataPlan:
    """What makes the data environment as declared, from whatever stands there; nothing where it stands already.

    ``found`` has the base's schemas and the environment's own: those of ``schema_pairs`` and those of earlier
    commits, which are dropped when they are no longer declared. ``granted``: by the environment's schemas; None where
    access is not dagbranch's affair. Raises InvalidPipelineError where what is declared cannot be, NotOursError
    where a schema is another's.
    """
    judgement, knowledge = judgement or Judgement(), knowledge or Knowledge()
    owner = SchemaMarker(environment, repository, pull_number)
    pairs = schema_pairs(specification, environment, table_suffix)
    check_allowed(pairs, judgement.allowed)
    _check_ownership(pairs, found, owner)
    wanted, warnings = wanted_data(specification, pairs, found, judgement)
    _check_protections(wanted, knowledge, judgement)
    stale = _stale_schemas(pairs, found, owner)
    clones = specification.clone == "auto"
    plans = [
        plan_schema(one, owner, found.get(one.pair.target), knowledge, clones=clones, reset=reset) for one in wanted
    ]
    targets = tuple(pair.target for pair in pairs)
    access = access_of(specification, judgement, stack_access)
    return DataPlan(
        phases=_phases(
            (statement for plan in plans for statement in plan.schemas),
            (*map(statements.drop_schema, stale), *(statement for plan in plans for statement in plan.drops)),
            (
                *(statement for plan in plans for statement in (*plan.views, *plan.tables)),
                *(plan_access(targets, access, granted) if granted is not None else ()),
            ),
            (statement for plan in plans for statement in plan.comments),
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
        warnings=(*warnings, *_held_back(plans)),
        seen=_seen(wanted, knowledge),
    )


def plan_removal(
    found: Mapping[str, FoundSchema], *, environment: str, repository: str, pull_number: int
) -> RemovalPlan:
    """Drops, of the schemas asked for, those that carry this environment's marker, and no other."""
    owner = SchemaMarker(environment, repository, pull_number)
    ours = tuple(sorted(name for name, schema in found.items() if _is_ours(schema, owner)))
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

    And one view of each schema, that tells whether views follow their table here.
    """
    names: set[str] = set()
    for schema in wanted:
        seeded = {name for name, written in schema.tables.items() if written.seed}
        names |= {f"{schema.pair.source}.{name}" for name in {*schema.masks, *seeded}}
        stands = found.get(schema.pair.target, FoundSchema()).tables
        names |= {f"{schema.pair.target}.{name}" for name, kind in stands.items() if kind == "table"}
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


def _phases(*phases: Iterable[Statement]) -> tuple[Phase, ...]:
    return tuple(phase for phase in map(tuple, phases) if phase)


def _check_ownership(pairs: tuple[SchemaPair, ...], found: Mapping[str, FoundSchema], owner: SchemaMarker) -> None:
    for pair in pairs:
        schema = found.get(pair.target)
        if schema is not None and not _is_ours(schema, owner):
            marker = SchemaMarker.parse(schema.comment)
            whose = f"{marker.repository}, pull request {marker.pull_number}" if marker else "nobody's by its comment"
            raise NotOursError(f"the schema {pair.target} exists and is not this environment's ({whose}): left alone")


def _check_protections(wanted: Iterable[WantedSchema], knowledge: Knowledge, judgement: Judgement) -> None:
    """Raises InvalidPipelineError for a seed that would copy rows past Unity Catalog's own filters and masks."""
    faults = [
        f"{schema.pair.key}.write.{name}.seed: {schema.pair.source}.{name} has {protection} of its own: "
        "mask it, or name the table under unprotected on the default branch"
        for schema in wanted
        for name, written in schema.tables.items()
        if written.seed and not judgement.guard.permits_copy(schema.pair, name, judgement.allowed)
        for protection in _unmet(schema, name, knowledge)
    ]
    if faults:
        raise InvalidPipelineError("\n".join(faults))


def _unmet(schema: WantedSchema, name: str, knowledge: Knowledge) -> list[str]:
    """The protections of a table that its masks do not stand for; a filter of rows has no mask that does."""
    details = knowledge.details.get(f"{schema.pair.source}.{name}")
    if details is None:
        return []
    shown = {column for column, mask in schema.masks.get(name, {}).items() if mask == "keep"}
    covered = {column for column in schema.masks.get(name, {}) if column not in shown}
    bare = [column for column in details.masked_columns if column.lower() not in covered and "*" not in covered]
    row_filter = ["a row filter"] if details.has_row_filter and name not in schema.masks else []
    return [*row_filter, *(f"a mask of {column}" for column in bare)]


def _is_ours(schema: FoundSchema, owner: SchemaMarker) -> bool:
    return owner.same_owner(SchemaMarker.parse(schema.comment))


def _stale_schemas(
    pairs: tuple[SchemaPair, ...], found: Mapping[str, FoundSchema], owner: SchemaMarker
) -> tuple[str, ...]:
    """What an earlier commit declared. A schema that is anybody's source is never among them."""
    declared = {name for pair in pairs for name in (pair.target, pair.source)}
    return tuple(sorted(name for name in found if name not in declared and _is_ours(found[name], owner)))


def _held_back(plans: Iterable[SchemaPlan]) -> tuple[str, ...]:
    return tuple(
        f"{table} has new columns, held back because the table has masks: {', '.join(columns)}: "
        "name each under its mask on the default branch (keep shows it)"
        for plan in plans
        for table, columns in plan.held_back.items()
    )


def _seen(wanted: Iterable[WantedSchema], knowledge: Knowledge) -> dict[str, frozenset[str]]:
    return {
        table: frozenset(name.lower() for name in knowledge.details[table].columns)
        for table in sorted(masked_sources(wanted))
        if table in knowledge.details and table not in knowledge.columns
    }
