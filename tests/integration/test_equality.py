"""A packaged environment has the DAGs of the plain folder: Airflow's own examples, and one repository per habit."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.toolchain import python_of
from tests.equality.compare import Outcome
from tests.equality.corpus import EXAMPLES, compare_all, faults, habits

LINES = {"airflow-2": 2, "airflow-3": 3}
CASES = [(airflow, name) for airflow, line in LINES.items() for name in habits(line)]


@dataclass
class Compared:
    """Everything of one line is compared in one process of Airflow, when the first test asks for it."""

    home: Path
    by_line: dict[str, dict[str, Outcome]] = field(default_factory=dict)

    def on(self, airflow: str) -> dict[str, Outcome]:
        if airflow not in self.by_line:
            self.by_line[airflow] = compare_all(LINES[airflow], python_of(airflow), self.home / airflow)
        return self.by_line[airflow]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    return Compared(tmp_path_factory.mktemp("equality").resolve())


@pytest.mark.parametrize(("airflow", "habit"), CASES, ids=[f"{name}-{airflow}" for airflow, name in CASES])
def test_a_repository_with_this_habit_is_equal_plain_and_packaged(compared: Compared, airflow: str, habit: str) -> None:
    outcome = compared.on(airflow)[habit]

    assert faults(outcome, habits(LINES[airflow])[habit]) == []


@pytest.mark.parametrize("airflow", LINES)
def test_airflows_own_examples_are_equal_plain_and_packaged(compared: Compared, airflow: str) -> None:
    outcome = compared.on(airflow)[EXAMPLES]

    assert faults(outcome, None) == []
    assert len(outcome.dags) > 50
