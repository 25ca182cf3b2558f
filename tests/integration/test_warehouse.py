"""The promises of a warehouse, kept by the connector's adapter on Spark as by the fake in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from local.certificates import Certificates
from local.warehouse.process import LocalWarehouse
from tests.fakes.contracts.warehouse import DAYS, Made, WarehouseContract
from tests.integration.data_project import adapter_of


class TestDatabricksWarehouse(WarehouseContract):
    @pytest.fixture
    def made(
        self, warehouse: LocalWarehouse, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Made]:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
        name = f"db_{uuid.uuid4().hex[:8]}"
        rows = ", ".join(f"({number}, '{number}@acme.org', '{day}')" for number, day in enumerate(DAYS, start=1))
        for statement in (
            f"CREATE SCHEMA {name}_test",
            (
                f"CREATE TABLE {name}_test.m_events (id INT, email STRING, date STRING) "
                "USING parquet PARTITIONED BY (date)"
            ),
            f"INSERT INTO {name}_test.m_events VALUES {rows}",
            f"CREATE VIEW {name}_test.v_events AS SELECT id FROM {name}_test.m_events",
        ):
            warehouse.query(statement)
        with adapter_of(warehouse) as adapter:
            yield Made(adapter, f"{name}_test", f"{name}_feature1")
        for schema in (f"{name}_test", f"{name}_feature1"):
            warehouse.query(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
