from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dagbranch.cli import main
from tests.fakes.command import refusal, write
from tests.fakes.examples import DATA_FILE

TWO_LANES = (
    DATA_FILE
    + b"""\
lanes:
  stage: {retries: 2, alerts: "#data-stage"}
  prod: {retries: 3, alerts: "#data", promotion: {soak: 2h, runs: [qu.test_dag]}}
"""
)


def check(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    """Its status, and what it prints."""
    status = main(["check", *map(str, arguments)])
    printed = capsys.readouterr()
    assert printed.err == ""
    return status, printed.out


def found(capsys: pytest.CaptureFixture[str], source: Path, pipeline_file: bytes) -> Any:
    write(source, {"dagbranch.yaml": pipeline_file})
    return json.loads(check(capsys, source, "--json")[1])


def test_a_repository_with_nothing_wrong_is_told_so_and_ends_with_status_0(
    capsys: pytest.CaptureFixture[str], source: Path
) -> None:
    write(source, {"dagbranch.yaml": TWO_LANES})

    assert check(capsys, source) == (0, "nothing is wrong\n")
    assert check(capsys, source, "--strict", "--json") == (0, '{"errors": [], "warnings": []}\n')


def test_the_folder_is_the_one_that_one_stands_in_where_none_is_named(
    capsys: pytest.CaptureFixture[str], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source)

    assert check(capsys) == (0, "nothing is wrong\n")


def test_a_fault_in_the_file_ends_with_status_1_and_its_place(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(source, {"dagbranch.yaml": b"version: 1\nlanes:\n  prod: {retries: -1}\n"})

    status, printed = check(capsys, source)

    assert status == 1
    assert printed == "error: dagbranch.yaml:3: lanes.prod.retries: expected a number from 0 to 100\n"


def test_every_part_is_looked_at_whatever_another_one_finds(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    pipeline_file = TWO_LANES + b"artifacts: {jobs: spark}\nselect: [nothing.py]\nrequirements: requirements.txt\n"

    told = found(capsys, source, pipeline_file)

    assert {one["line"] for one in told["errors"]} == {12, 13, 14}
    assert [one["message"].partition(":")[0] for one in told["errors"]] == ["requirements", "artifacts.jobs", "select"]


def test_a_lane_that_is_less_strict_is_a_warning_and_with_strict_an_error(
    capsys: pytest.CaptureFixture[str], source: Path
) -> None:
    write(source, {"dagbranch.yaml": TWO_LANES.replace(b"retries: 3", b"retries: 1")})

    plain, strict = check(capsys, source), check(capsys, source, "--strict")

    assert plain == (0, "warning: dagbranch.yaml:11: lanes.prod.retries: 1 is fewer than the 2 of stage\n")
    assert strict == (1, plain[1])


def test_a_secret_is_refused_without_being_printed(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(source, {"dagbranch.yaml": b"version: 1\nlanes:\n  prod: {src_conn: 'postgres://me:hunter2@host/db'}\n"})

    status, printed = check(capsys, source)

    assert status == 1
    assert "dagbranch.yaml:3: lanes.prod.src_conn: looks like a secret" in printed
    assert "hunter2" not in printed


def test_for_a_workflow_each_finding_is_an_annotation_at_its_file_and_line(
    capsys: pytest.CaptureFixture[str], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.parent)
    write(source, {"dagbranch.yaml": TWO_LANES.replace(b"retries: 3", b"retries: 1").replace(b"2h", b"2x")})
    status, faults = check(capsys, source.name, "--format", "github")
    write(source, {"dagbranch.yaml": TWO_LANES.replace(b"retries: 3", b"retries: 1")})
    also, warnings = check(capsys, source.name, "--format", "github")

    assert (status, also) == (1, 0)
    assert faults.startswith("::error file=pipelines/dagbranch.yaml,line=11::lanes.prod.promotion.soak: '2x': expected")
    assert (
        warnings
        == "::warning file=pipelines/dagbranch.yaml,line=11::lanes.prod.retries: 1 is fewer than the 2 of stage\n"
    )


def test_an_annotation_holds_no_command_of_somebody_elses(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(source, {"dagbranch.yaml": b'version: 1\n"a\\n::set-env name=X::100%": 1\n'})

    _, printed = check(capsys, source, "--format", "github")

    assert all(line.startswith("::error") for line in printed.splitlines())
    assert "100%25" in printed


def test_sql_that_writes_what_is_declared_as_read_is_an_error(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(source, {"dags/qu/main/rows.sql": b'INSERT INTO {{ schema("db_attribution") }}.m_events SELECT 1\n'})

    told = found(capsys, source, TWO_LANES)

    (error,) = told["errors"]
    assert error["line"] == 6
    assert "m_events a view, and dags/qu/main/rows.sql:1 writes to it" in error["message"]


def test_sql_that_reads_what_nobody_declares_is_a_warning_at_its_own_place(
    capsys: pytest.CaptureFixture[str], source: Path
) -> None:
    write(source, {"dags/qu/main/rows.sql": b'SELECT 1;\nSELECT * FROM {{ schema("db_attribution") }}.m_other\n'})

    told = found(capsys, source, TWO_LANES)

    (warning,) = told["warnings"]
    assert (Path(warning["file"]).name, warning["line"]) == ("rows.sql", 2)
    assert warning["message"] == "reads db_attribution.m_other, which data.schemas.db_attribution does not name"


def test_patterns_and_masks_need_no_warehouse_to_be_checked(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(source, {"dags/qu/main/rows.sql": b'SELECT * FROM {{ schema("db_attribution") }}.m_cost_daily\n'})
    pipeline_file = TWO_LANES.replace(b"[m_events]", b'[m_events, "m_cost_*", "x_*"]').replace(
        b"      write:", b"      mask: {m_cost_monthly: {email: hash}}\n      write:"
    )

    assert found(capsys, source, pipeline_file) == {"errors": [], "warnings": []}


@pytest.mark.parametrize(
    ("promotion", "warning"),
    [
        ("runs: [qu.tset_dag]", "lanes.prod.promotion.runs[0]: qu.tset_dag stands in no file of dags: misspelt?"),
        ("checks: [dagbranch/stage]", "lanes.prod.promotion.checks[0]: dagbranch's own checks do not count"),
        ("auto: true", "lanes.prod.promotion.auto: commits come by themselves as soon as they are ready"),
    ],
)
def test_promotion_settings_that_are_hardly_meant_are_warnings(
    capsys: pytest.CaptureFixture[str], source: Path, promotion: str, warning: str
) -> None:
    told = found(capsys, source, DATA_FILE + f"lanes:\n  prod: {{promotion: {{{promotion}}}}}\n".encode())

    assert [one["line"] for one in told["warnings"]] == [10]
    assert told["warnings"][0]["message"].startswith(warning)


def test_a_data_check_that_would_be_refused_is_an_error_at_its_line(
    capsys: pytest.CaptureFixture[str], source: Path
) -> None:
    checks = b"""\
lanes:
  prod:
    promotion:
      data_checks:
        fine: SELECT * FROM db_attribution.m_roi WHERE roi < 0
        writes: DELETE FROM db_attribution.m_roi
        elsewhere: SELECT * FROM db_finance.m_salaries
"""

    told = found(capsys, source, DATA_FILE + checks)

    assert [(one["line"], one["message"].partition(": ")[0]) for one in told["errors"]] == [
        (14, "lanes.prod.promotion.data_checks.writes"),
        (15, "lanes.prod.promotion.data_checks.elsewhere"),
    ]


def test_gates_in_front_of_the_first_release_lane_are_told_to_be_without_effect(
    capsys: pytest.CaptureFixture[str], source: Path
) -> None:
    told = found(capsys, source, DATA_FILE + b"lanes:\n  stage:\n    promotion: {soak: 1h}\n")

    assert [(one["line"], one["message"][:38]) for one in told["warnings"]] == [
        (11, "lanes.stage.promotion: without effect:")
    ]


def test_a_module_that_is_no_python_is_a_warning_at_its_line(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(source, {"dags/qu/main/broken.py": b"from airflow import DAG\ndag = (\n"})

    told = found(capsys, source, TWO_LANES)

    assert [Path(one["file"]).name for one in told["warnings"]] == ["broken.py"]


def test_a_repository_without_any_dag_is_an_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, printed = check(capsys, tmp_path)

    assert status == 1
    assert printed.startswith("error: ")


def test_a_folder_that_is_not_there_is_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "is no folder" in refusal(capsys, "check", tmp_path / "nowhere")
