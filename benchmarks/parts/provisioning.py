"""The contenders on the local warehouse: dagbranch's own way to a data environment, and its statements sent plainly."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import batched, pairwise
from typing import Final

from dagbranch.adapters.databricks import DatabricksWarehouse
from dagbranch.domain.data_plan import DataPlan, plan_data_environment
from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.warehouse_state import FoundSchema
from local.warehouse.process import LocalWarehouse

SCRIPT_STATEMENTS: Final = 100
_SCHEMA: Final = "db_attribution"
_SOURCE: Final = f"{_SCHEMA}_test"
_SPECIFICATION: Final = DataSpecification.model_validate(
    {"source_suffix": "_test", "schemas": {_SCHEMA: {"read": "all"}}}
)


@dataclass(frozen=True)
class Phases:
    """Seconds of one provision: ``list`` has the connection in it, ``run`` the fence, ``close`` what is after."""

    list: float
    plan: float
    run: float
    close: float

    @property
    def total(self) -> float:
        return self.list + self.plan + self.run + self.close


def make_base(warehouse: LocalWarehouse, tables: int) -> None:
    """The source schema with so many empty tables of four columns."""
    warehouse.query(f"CREATE SCHEMA {_SOURCE}")
    columns = "id BIGINT, channel STRING, amount DOUBLE, date DATE"
    statements = [f"CREATE TABLE {_SOURCE}.m_{number:04} ({columns}) USING parquet" for number in range(tables)]
    for batch in batched(statements, SCRIPT_STATEMENTS):
        warehouse.query(script(batch))


def provision(warehouse: LocalWarehouse, environment: str) -> Phases:
    """What ``provision_data`` does with the warehouse, from the connection to the last statement, and the goodbye."""
    moments = [time.perf_counter()]
    with _adapter(warehouse) as adapter:
        found = adapter.schemas([_SOURCE, _target(environment)])
        moments.append(time.perf_counter())
        plan = _plan(environment, found)
        moments.append(time.perf_counter())
        adapter.run(plan.phases, plan.fence)
        moments.append(time.perf_counter())
    moments.append(time.perf_counter())
    return Phases(*(after - before for before, after in pairwise(moments)))


def planned(warehouse: LocalWarehouse, environment: str) -> DataPlan:
    """What dagbranch would run for that environment."""
    with _adapter(warehouse) as adapter:
        return _plan(environment, adapter.schemas([_SOURCE]))


def fence_seconds(plan: DataPlan) -> float:
    """What the fence takes for all statements of a plan."""
    started = time.perf_counter()
    for statement in plan.statements:
        plan.fence.check(statement)
    return time.perf_counter() - started


def send(warehouse: LocalWarehouse, texts: Sequence[str]) -> float:
    """Seconds of these statements, one after the other through one connection of the plain connector."""
    started = time.perf_counter()
    with closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        for text in texts:
            cursor.execute(text)
    return time.perf_counter() - started


def statements_of(plan: DataPlan) -> list[str]:
    return [statement.sql for statement in plan.statements]


def scripts(statements: Sequence[str]) -> list[str]:
    """Scripts of a hundred; what comes first, the schema, makes no script more."""
    first, *rest = statements
    batches = [list(batch) for batch in batched(rest, SCRIPT_STATEMENTS)] or [[]]
    batches[0].insert(0, first)
    return [script(batch) for batch in batches]


def script(statements: Sequence[str]) -> str:
    return "\n".join(["BEGIN", *(f"{statement};" for statement in statements), "END"])


def drop_environment(warehouse: LocalWarehouse, environment: str, expected_views: int) -> None:
    """Raises RuntimeError where it does not have every view."""
    schema = _target(environment)
    found = len(warehouse.query(f"SHOW VIEWS IN {schema}"))
    if found != expected_views:
        raise RuntimeError(f"{schema} has {found} views, expected {expected_views}")
    warehouse.query(f"DROP SCHEMA {schema} CASCADE")


def _adapter(warehouse: LocalWarehouse) -> DatabricksWarehouse:
    """It trusts what ``SSL_CERT_FILE`` names."""
    return DatabricksWarehouse(
        host=f"{warehouse.host}:{warehouse.port}", http_path=warehouse.http_path, credentials=warehouse.token
    )


def _plan(environment: str, found: Mapping[str, FoundSchema]) -> DataPlan:
    return plan_data_environment(
        _SPECIFICATION,
        environment=environment,
        repository="acme/pipelines",
        pull_number=1,
        table_suffix="_{environment}",
        found=found,
    )


def _target(environment: str) -> str:
    return f"{_SCHEMA}_{environment}"
