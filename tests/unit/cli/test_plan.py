from __future__ import annotations

import json
from pathlib import Path

import pytest

from dagbranch.cli import main
from tests.fakes.command import refusal, run, write

PLANNED = {"db_attribution_test": {"m_events": "table", "m_roi": "table", "v_costs": "view"}}


def test_plan_prints_the_statements_in_order(capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    base.write_text(json.dumps(PLANNED))

    printed = run(capsys, "plan", source, "--environment", "feature1", "--base", base)

    assert printed["environment"] == "feature1"
    assert [(one["sql"].split(" `")[0], one["writes"], one["reads"]) for one in printed["statements"]] == [
        ("CREATE SCHEMA", ["db_attribution_feature1"], []),
        ("CREATE VIEW", ["db_attribution_feature1.m_events"], ["db_attribution_test.m_events"]),
        ("CREATE TABLE", ["db_attribution_feature1.m_roi"], ["db_attribution_test.m_roi"]),
        ("INSERT OVERWRITE TABLE", ["db_attribution_feature1.m_roi"], ["db_attribution_test.m_roi"]),
        ("ALTER TABLE", ["db_attribution_feature1.m_roi"], []),
    ]


def test_plan_without_a_base_takes_what_is_declared_by_name(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    assert main(["plan", str(source), "--environment", "feature1"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(line.endswith(";") for line in lines)


def test_plan_without_declared_data_is_empty(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    (source / "dagbranch.yaml").unlink()

    assert run(capsys, "plan", source, "--environment", "feature1") == {"environment": "feature1", "statements": []}


MASKED = b"""\
version: 1
data:
  source_suffix: _test
  schemas:
    db_attribution:
      read: [m_customers]
      mask:
        m_customers: {email: null}
"""


def test_plan_shows_masks_where_the_base_tells_the_columns(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    write(source, {"dagbranch.yaml": MASKED})
    told = {"kind": "table", "columns": {"id": "int", "email": "string"}, "partition_columns": []}
    (tmp_path / "base.json").write_text(json.dumps({"db_attribution_test": {"m_customers": told}}))

    printed = run(capsys, "plan", source, "--environment", "feature1", "--base", tmp_path / "base.json")

    (view,) = [one["sql"] for one in printed["statements"] if " VIEW " in one["sql"]]
    assert "SELECT `id`, IF(FALSE, `email`, NULL) AS `email` FROM `db_attribution_test`.`m_customers`" in view


def test_plan_of_a_masked_table_without_its_columns_is_one_error_that_shows_how_to_tell_them(
    capsys: pytest.CaptureFixture[str], source: Path
) -> None:
    write(source, {"dagbranch.yaml": MASKED})

    told = refusal(capsys, "plan", source, "--environment", "feature1")

    assert "db_attribution_test.m_customers: masks need the columns" in told
    assert '"columns"' in told


def test_plan_warns_of_tables_that_the_sql_reads_and_the_file_does_not_name(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path
) -> None:
    write(source, {"dagbranch.yaml": MASKED, "dags/rows.sql": b"SELECT * FROM db_attribution.m_orders\n"})
    told = {"kind": "table", "columns": {"email": "string"}}
    tables = {"m_customers": told, "m_orders": "table"}
    (tmp_path / "base.json").write_text(json.dumps({"db_attribution_test": tables}))

    main(["plan", str(source), "--environment", "feature1", "--base", str(tmp_path / "base.json")])

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("--") and "dags/rows.sql:1" in line and "m_orders" in line]
    assert all(line.endswith(";") or line.startswith("-- ") for line in lines)


@pytest.mark.parametrize("base", ["{", "[]", '{"db_attribution_test": {"m_events": "stream"}}'])
def test_plan_refuses_a_base_that_is_none(
    capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path, base: str
) -> None:
    (tmp_path / "base.json").write_text(base)

    assert "base" in refusal(capsys, "plan", source, "--environment", "f", "--base", tmp_path / "base.json")


def test_detect_tells_each_table_with_its_places(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(
        source,
        {
            "dagbranch.yaml": b"version: 1\ndags: dags\nartifacts: {jobs: spark}\n",
            "dags/sql/m_roi.sql": b"INSERT INTO {{ schema('mart') }}.m_roi\nSELECT * FROM raw.events\n",
            "spark/job.py": b"spark.sql(query)\nspark.table('raw.events')\n",
            "notes/old.sql": b"DROP TABLE mart.m_roi",
        },
    )

    assert run(capsys, "detect", source) == {
        "read": {"raw.events": ["dags/sql/m_roi.sql:2", "spark/job.py:2"]},
        "written": {"mart.m_roi": ["dags/sql/m_roi.sql:1"]},
        "unknown": ["spark/job.py:1"],
    }


def test_detect_prints_the_places_below_their_table(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    write(source, {"dags/x.sql": b"INSERT INTO mart.x SELECT * FROM raw.x;\nCALL mart.y()"})

    assert main(["detect", str(source)]) == 0

    assert capsys.readouterr().out == (
        "read     raw.x\n    dags/x.sql:1\nwritten  mart.x\n    dags/x.sql:1\nunknown\n    dags/x.sql:2\n"
    )


def test_detect_says_so_where_it_finds_nothing(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    assert main(["detect", str(source)]) == 0

    assert capsys.readouterr().out == "no table is read or written\n"
