"""The parts of the local stack that several test modules share, and which tests run beside which.

Each part starts once per process, when it is first asked for. Two processes run the tests (``make test``): one begins
with what waits for whole stacks, the other with what uses single parts; whoever is ready first takes what has stacks of
its own, and then the unit tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

from local.certificates import Certificates, make_certificates
from local.warehouse.process import LocalWarehouse

_TESTS: Final = Path(__file__).parent
_GROUP_OF: Final = {  # the first that a test lies in
    _TESTS / "e2e" / "test_faults.py": "faults",
    _TESTS / "e2e" / "test_release_lanes.py": "lanes",
    _TESTS / "e2e": "stacks",
    _TESTS / "integration" / "test_runtime_under_scheduler.py": "stacks",
    _TESTS / "integration": "parts",
}
_GROUPS: Final = ("stacks", "parts", "faults", "lanes")  # in which they begin
PRINTED: Final = "printed"  # a property of a test: text that is to be seen also where all is well


class _OneProcessPerGroup(LoadScopeScheduling):  # type: ignore[misc] # xdist tells nothing of its schedulers' types
    """pytest-xdist's own mark of a group (3.8) goes into a field that pytest 9 does not read any more."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return _group(_TESTS.parent / file) or file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _OneProcessPerGroup(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first; inside a group the order stays, by which each line of Airflow starts once."""
    items.sort(key=lambda item: _GROUPS.index(group) if (group := _group(item.path)) else len(_GROUPS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [one for outcome in ("passed", "failed") for one in terminalreporter.stats.get(outcome, [])]
    for report in reports:
        for name, text in report.user_properties:
            if name == PRINTED:
                terminalreporter.section(report.nodeid)
                terminalreporter.write_line(str(text))


def _group(path: Path) -> str | None:
    return next((group for place, group in _GROUP_OF.items() if path.is_relative_to(place)), None)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[LocalWarehouse]:
    with LocalWarehouse(tmp_path_factory.mktemp("warehouse"), certificates) as running:
        yield running
