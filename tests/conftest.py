"""The parts of the local stack that several test modules share: each starts once per session, when first asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.certificates import Certificates, make_certificates
from local.warehouse.process import LocalWarehouse


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[LocalWarehouse]:
    with LocalWarehouse(tmp_path_factory.mktemp("warehouse"), certificates) as running:
        yield running
