"""One fault at each operation of deploy and removal, on the deployed template; ``make faults`` has every kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.certificates import Certificates
from local.faults.kinds import Kind, one_per_operation
from local.faults.rounds import Row, record, run_faults
from local.faults.stand import fault_stand
from local.faults.table import header, line, summary
from local.warehouse.process import LocalWarehouse
from tests.conftest import PRINTED

HELD_SECONDS = 3.0  # its clients would wait for up to a minute
PULLS = 9
FAULTS_OF_A_FUNCTION = 4
NOT_INJECTED = 0.05  # of the faults: requests that only a race between two functions makes come now and then


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates, warehouse: LocalWarehouse) -> list[Row]:
    folder = tmp_path_factory.mktemp("faults")
    with fault_stand(folder, held_seconds=HELD_SECONDS, certificates=certificates, warehouse=warehouse) as stand:
        planned = one_per_operation(record(stand))
        return list(run_faults(stand, planned, pulls=PULLS, per_function=FAULTS_OF_A_FUNCTION))


def test_every_upstream_function_and_kind_of_fault_is_among_the_steps(
    rows: list[Row], record_property: Callable[[str, object], None]
) -> None:
    record_property(PRINTED, "\n".join([header(held_seconds=HELD_SECONDS), *map(line, rows), summary(rows)]))
    upstreams = {row.fault.step.upstream for row in rows}
    functions = {row.fault.step.function for row in rows}

    assert upstreams >= {"github", "mwaa", "warehouse", "s3", "dynamodb", "events", "sqs", "secretsmanager"}
    assert functions >= {"FetchSource", "PackageDags", "ProvisionData", "VerifyEnvironment", "RemoveEnvironment"}
    assert {row.fault.kind for row in rows} == set(Kind)


def test_whatever_goes_wrong_nothing_is_lost_nothing_is_left_and_nothing_else_is_touched(rows: list[Row]) -> None:
    assert [line(row) for row in rows if row.wrong] == []


def test_what_is_planned_is_injected(rows: list[Row]) -> None:
    assert len([row for row in rows if not row.is_injected]) <= NOT_INJECTED * len(rows)
