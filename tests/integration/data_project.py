"""A repository that declares what it uses of the base, in an environment of a test's own, on the local warehouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dagbranch.adapters.databricks import DatabricksWarehouse
from dagbranch.adapters.databricks_scripts import KnownForms
from dagbranch.adapters.databricks_session import Patience
from dagbranch.domain.data_plan import DataPlan, plan_data_environment
from dagbranch.domain.fence import Fence
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.schema_pairs import schema_pairs
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.wanted_data import Judgement, wanted_data
from dagbranch.domain.warehouse_state import FoundSchema, Kind
from dagbranch.errors import TransientUpstreamError
from dagbranch.use_cases.gather_data import ask_details
from local.processes import wait_until
from local.warehouse.process import LocalWarehouse

IMPATIENT = Patience(request_seconds=60, starting_seconds=2, statement_seconds=60)


def adapter_of(warehouse: LocalWarehouse, **other: Any) -> DatabricksWarehouse:
    """With knowledge of its own, so that one test's faults are not another's."""
    settings: dict[str, Any] = {
        "host": f"localhost:{warehouse.port}",
        "http_path": warehouse.http_path,
        "credentials": warehouse.token,
        "patience": IMPATIENT,
        "forms": KnownForms(),
    }
    return DatabricksWarehouse(**settings | other)


@dataclass
class Project:
    schema: str
    environment: str
    warehouse: DatabricksWarehouse
    query: Callable[[str], list[Any]]

    @property
    def base(self) -> str:
        return f"{self.schema}_test"

    @property
    def target(self) -> str:
        return f"{self.schema}_{self.environment}"

    @property
    def marker(self) -> SchemaMarker:
        return SchemaMarker(self.environment, "acme/pipelines", 1)

    def plan(self, uses: str, *, suffix: str = "_test", pull_number: int = 1) -> DataPlan:
        text = f"version: 1\ndata: {{source_suffix: {suffix}, schemas: {{{self.schema}: {uses}}}}}"
        specification = parse_pipeline_file(text.encode()).data_of("preview")
        assert specification is not None
        pairs = schema_pairs(specification, self.environment, "_{environment}")
        found = self.warehouse.schemas([name for pair in pairs for name in (pair.source, pair.target)])
        wanted, _ = wanted_data(specification, pairs, found, Judgement())
        return plan_data_environment(
            specification,
            environment=self.environment,
            repository="acme/pipelines",
            pull_number=pull_number,
            table_suffix="_{environment}",
            found=found,
            knowledge=Knowledge(ask_details(wanted, found, self.warehouse)),
        )

    def provision(self, uses: str, *, suffix: str = "_test") -> DataPlan:
        plan = self.plan(uses, suffix=suffix)
        self.warehouse.run(plan.phases, plan.fence)
        for seed in plan.seeds:
            self.warehouse.run([[statement] for statement in seed.statements], plan.fence)
        return plan

    def provision_until_done(self, uses: str) -> list[TransientUpstreamError]:
        """As the queue does it: again after what passes; returns what passed."""
        passed: list[TransientUpstreamError] = []

        def done() -> bool:
            try:
                self.provision(uses)
            except TransientUpstreamError as error:
                passed.append(error)
                return False
            return True

        wait_until(done, what="the environment", deadline_seconds=180)
        return passed

    def found(self) -> FoundSchema:
        return self.warehouse.schemas([self.target]).get(self.target, FoundSchema())

    def kinds(self) -> dict[str, Kind]:
        return dict(self.found().tables)

    def rows(self, table: str) -> list[int]:
        return sorted(row[0] for row in self.query(f"SELECT id FROM {table}"))

    def fence(self) -> Fence:
        return Fence(self.marker, frozenset({self.target}), frozenset({self.base}))
