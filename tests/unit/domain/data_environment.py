"""One pull request's data environment, provisioned as the functions do it, in any warehouse."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from dagbranch.domain.access import Access
from dagbranch.domain.data_plan import (
    DataPlan,
    masked_sources,
    plan_data_environment,
    plan_removal,
)
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.schema_pairs import schema_pairs
from dagbranch.domain.seeds import Seed, remaining
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.wanted_data import Judgement, wanted_data
from dagbranch.ports import Warehouse
from dagbranch.use_cases.gather_data import ask_details

SUFFIX = "_{environment}"


def specification(text: str) -> DataSpecification:
    """What stands under ``data`` in the file, in YAML's flow style."""
    found = parse_pipeline_file(f"version: 1\ndata: {text}".encode()).data
    assert found is not None
    return found


def declare(uses: Mapping[str, Any], *, source_suffix: str = "_test", **other: Any) -> DataSpecification:
    """One schema, ``db_attribution``."""
    schema = {"read": (), **uses}
    return DataSpecification.model_validate(
        {"source_suffix": source_suffix, "schemas": {"db_attribution": schema}, **other}
    )


@dataclass
class DataEnvironment[In: Warehouse]:
    """``noted``: the schemas that the registry has noted, ``known``: the columns of masked tables when first seen."""

    warehouse: In
    name: str = "feature1"
    pull_number: int = 1
    noted: set[str] = field(default_factory=set)
    known: dict[str, frozenset[str]] = field(default_factory=dict)

    def plan(
        self,
        declared: DataSpecification,
        judgement: Judgement | None = None,
        *,
        access: Access | None = None,
        reset: bool = False,
    ) -> DataPlan:
        judgement = judgement or Judgement()
        pairs = schema_pairs(declared, self.name, SUFFIX)
        targets = {pair.target for pair in pairs}
        self.noted |= targets
        found = self.warehouse.schemas({*self.noted, *(pair.source for pair in pairs)})
        wanted, _ = wanted_data(declared, pairs, found, judgement)
        details = ask_details(wanted, found, self.warehouse)
        columns = {name: self.known[name] for name in masked_sources(wanted) if name in self.known}
        return plan_data_environment(
            declared,
            environment=self.name,
            repository="acme/pipelines",
            pull_number=self.pull_number,
            table_suffix=SUFFIX,
            found=found,
            judgement=judgement,
            knowledge=Knowledge(details, columns),
            stack_access=access or Access(),
            granted=self.warehouse.grants(targets) if access else None,
            reset=reset,
        )

    def provision(self, declared: DataSpecification, judgement: Judgement | None = None, **how: Any) -> DataPlan:
        """Makes it all, and then fills what is still to be filled."""
        plan = self.plan(declared, judgement, **how)
        self.known |= plan.seen
        self.warehouse.run(plan.phases, plan.fence)
        left = self.plan(declared, judgement, access=how.get("access"))
        for seed in left.seeds:
            self.fill(seed, left)
        return plan

    def fill(self, seed: Seed, plan: DataPlan, most: int | None = None) -> None:
        """``most``: after how many statements it breaks off."""
        steps = seed.statements
        if seed.partition_columns:
            apart = remaining(self.warehouse.partitions(seed.partitions), self.warehouse.partitions(seed.filled))
            steps = steps if apart is None else (*map(seed.fill, apart), seed.done)
        self.warehouse.run([[step] for step in steps[:most]], plan.fence)

    def remove(self) -> Collection[str]:
        """What was asked to go and is not ours."""
        plan = plan_removal(
            self.warehouse.schemas(self.noted),
            environment=self.name,
            repository="acme/pipelines",
            pull_number=self.pull_number,
        )
        self.warehouse.run([plan.statements], plan.fence)
        return plan.not_ours
