from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.problems import Problem, problems_in

PATHS = st.from_regex(r"([a-z_.]{1,8}[a-z]/){0,3}[a-z_]{1,10}\.(py|yaml|sql)", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60)


def test_each_line_that_names_a_place_is_a_problem_and_the_others_are_none() -> None:
    message = (
        "dags/qu/a.py:12: ImportError: no module named x\n"
        "… and 3 more modules that cannot be imported\n"
        "dagbranch.yaml:7: data.schemas.db.read[0]: expected text\r\n"
        "  dags/qu/b.bin: cannot be imported\n"
    )

    assert problems_in(message) == (
        Problem("dags/qu/a.py", 12, "ImportError: no module named x"),
        Problem("dagbranch.yaml", 7, "data.schemas.db.read[0]: expected text"),
        Problem("dags/qu/b.bin", None, "cannot be imported"),
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Airflow lists no DAG of feature1 with the tag commit:2222222 after 900 s: look at the scan interval",
        "db_attribution_test.m_events: the base has no such table",
        "qu.feature1.test_dag: its tasks run",
        "https://github.com/acme/pipelines: 404",
        "reading main.py of acme/pipelines: AWS answered 500",
        "/usr/local/airflow/dags/a.py:3: boom",
        "../other/a.py:3: boom",
        "dags/../../other/a.py:3: boom",
        "dags/a.py:0: lines count from one",
        "dags/a.py:12:",
        "10:30: it began",
        "reading dags/a.py: GitHub answered 500",
        "acme/pipelines: GitHub answered 404",
    ],
)
def test_a_line_that_names_no_file_of_a_repository_is_no_problem(line: str) -> None:
    assert problems_in(line) == ()


@pytest.mark.slow
@given(PATHS, st.one_of(st.none(), st.integers(1, 999_999_999)), TEXTS)
def test_every_place_that_is_told_is_found_again(path: str, line: int | None, text: str) -> None:
    told = f"{path}:{line}: {text}" if line else f"{path}: {text}"

    assert problems_in(told) == (Problem(path, line, text),)
