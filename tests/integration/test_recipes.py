"""The recipes of docs/recipes.md as a repository: packaged, loaded by each line of Airflow, and their commands run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagbranch.cli import main
from local.airflow.loading import loader_environment
from local.toolchain import ROOT, python_of

PAGE = (ROOT / "docs" / "recipes.md").read_text()
RENDER = ROOT / "tests" / "data" / "recipes" / "render.py"
SHA = "0123456789abcdef0123456789abcdef01234567"
SCHEMA = "db_attribution_feature1"
LINES = ["airflow-2", "airflow-3"]
# What of the AWS CLI the recipes use, for the URIs of a local environment.
AWS = """\
#!/bin/sh
[ "$1 $2 $3 $4" = "s3 cp --quiet --recursive" ] || exit 2
mkdir -p "$6" && cp -r "${5#file://}/." "$6"
"""


@dataclass(frozen=True)
class Packaged:
    """The repository of the page in a dags folder, as ``dagbranch package`` puts it there."""

    dags: Path
    artifacts: Mapping[str, str]

    def folder(self, artifact: str) -> Path:
        return Path(self.artifacts[artifact].removeprefix("file://"))


def files_of_the_page() -> Iterator[tuple[str, str]]:
    """Every code block that begins with a path."""
    for block in re.findall(r"^```\w+\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        first, _, rest = block.partition("\n")
        if path := re.fullmatch(r"(?:#|--) ([\w./-]+\.\w+)", first):
            yield path[1], rest


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    source, dags = tmp_path_factory.mktemp("pipelines"), tmp_path_factory.mktemp("dags")
    for path, content in files_of_the_page():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(content)
    assert main(["package", str(source), "--environment", "feature1", "--commit", SHA, "--output", str(dags)]) == 0
    (configuration,) = (dags / "feature1" / ".dagbranch").glob("*.json")
    return Packaged(dags, json.loads(configuration.read_text())["artifacts"])


@pytest.fixture(scope="module")
def rendered(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each line of Airflow makes of the page, by line."""
    return {line: render(line, packaged.dags, tmp_path_factory.mktemp(line)) for line in LINES}


def render(line: str, dags: Path, home: Path) -> dict[str, Any]:
    (provider,) = python_of("spark-provider").parents[1].glob("lib/*/site-packages")
    done = subprocess.run(
        [python_of(line), RENDER, dags / "feature1.zip"],
        env={
            **loader_environment(home, dags),
            "PYTHONPATH": str(provider),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_the_page_is_a_whole_repository() -> None:
    paths = [path for path, _ in files_of_the_page()]

    assert len(paths) == len(set(paths))
    assert {"dagbranch.yaml", "dags/qu/spark.py", "dags/qu/dbt.py", "dbt/profiles.yml"} <= set(paths)
    assert all(path.startswith(("dags/", "dbt/", "spark/jobs/")) for path in paths if path != "dagbranch.yaml")


@pytest.mark.parametrize("line", LINES)
def test_every_recipe_loads(rendered: dict[str, dict[str, Any]], line: str) -> None:
    assert rendered[line]["errors"] == {}
    assert sorted(rendered[line]["tasks"]) == [
        "qu.feature1.bash",
        "qu.feature1.databricks",
        "qu.feature1.dbt",
        "qu.feature1.spark",
        "qu.feature1.spark_python",
    ]


@pytest.mark.parametrize("line", LINES)
def test_spark_submit_gets_the_environments_job_code_and_schema(
    rendered: dict[str, dict[str, Any]], packaged: Packaged, line: str
) -> None:
    jobs = packaged.artifacts["jobs"]

    templated = rendered[line]["tasks"]["qu.feature1.spark"]["m_roi"]
    in_python = rendered[line]["tasks"]["qu.feature1.spark_python"]["m_roi"]

    assert templated["application"] == in_python["application"] == f"{jobs}/m_roi.py"
    assert templated["py_files"] == f"{jobs}/attribution.py"
    assert templated["application_args"] == ["--schema", SCHEMA, "--date", "2026-01-02"]
    assert in_python["application_args"] == ["--schema", SCHEMA]
    assert (packaged.folder("jobs") / "m_roi.py").is_file()


@pytest.mark.parametrize("line", LINES)
def test_databricks_gets_the_environments_job_code_schema_and_commit(
    rendered: dict[str, dict[str, Any]], packaged: Packaged, line: str
) -> None:
    tasks = rendered[line]["tasks"]["qu.feature1.databricks"]
    jobs = packaged.artifacts["jobs"]

    job, notebook = tasks["m_roi"]["json"], tasks["notebook"]["json"]

    assert job["run_name"] == "m_roi of feature1"
    assert job["spark_python_task"] == {
        "python_file": f"{jobs}/m_roi.py",
        "parameters": ["--schema", SCHEMA, "--date", "2026-01-02"],
    }
    assert job["libraries"] == [{"whl": f"{jobs}/dist/attribution-1.0-py3-none-any.whl"}]
    assert notebook["git_source"]["git_commit"] == SHA
    assert notebook["notebook_task"]["base_parameters"] == {"schema": SCHEMA}


@pytest.mark.parametrize("line", LINES)
def test_the_bash_recipe_runs_the_environments_job_code(
    rendered: dict[str, dict[str, Any]], line: str, tmp_path: Path
) -> None:
    task = rendered[line]["tasks"]["qu.feature1.bash"]["m_roi"]

    printed = run(task["bash_command"], tmp_path, {})

    assert printed == f"INSERT INTO {SCHEMA}.m_roi SELECT * FROM {SCHEMA}.m_events WHERE date = '2026-01-02'\n"


@pytest.mark.parametrize("line", LINES)
def test_dbt_is_handed_the_environments_project_and_schema(
    rendered: dict[str, dict[str, Any]], packaged: Packaged, line: str
) -> None:
    task = rendered[line]["tasks"]["qu.feature1.dbt"]["build"]

    assert f'aws s3 cp --quiet --recursive "{packaged.artifacts["dbt"]}" project\n' in task["bash_command"]
    assert f"""dbt build --profiles-dir . --vars '{{"db_attribution": "{SCHEMA}"}}'\n""" in task["bash_command"]
    assert task["env"] == {"DBT_SCHEMA": SCHEMA}


def test_dbt_itself_reads_and_writes_the_environments_schema(
    rendered: dict[str, dict[str, Any]], packaged: Packaged, tmp_path: Path
) -> None:
    """On DuckDB in Databricks' place: the page's profile with another adapter, all else as the page has it."""
    database = tmp_path / "warehouse.duckdb"
    duckdb(database, f"CREATE SCHEMA {SCHEMA}")
    duckdb(database, f"CREATE TABLE {SCHEMA}.m_events AS SELECT 'search' AS channel, 5 AS revenue, 2 AS cost")
    profiles = packaged.folder("dbt") / "profiles.yml"
    found = yaml.safe_load(profiles.read_text())
    schema = found["attribution"]["outputs"]["warehouse"]["schema"]
    found["attribution"]["outputs"]["warehouse"] = {"type": "duckdb", "path": str(database), "schema": schema}
    profiles.write_text(yaml.safe_dump(found))
    (packaged.folder("dbt") / "models" / "own.sql").write_text("{{ config(schema='db_attribution') }} SELECT 1 AS one")
    task = rendered["airflow-3"]["tasks"]["qu.feature1.dbt"]["build"]

    run(task["bash_command"], tmp_path, task["env"])

    assert duckdb(database, f"SELECT * FROM {SCHEMA}.m_roi") == [["search", 3]]
    assert duckdb(database, "SELECT DISTINCT table_schema FROM information_schema.tables") == [[SCHEMA]]
    assert duckdb(database, f"SELECT one FROM {SCHEMA}.own") == [[1]]


def run(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """As BashOperator runs it, in a folder of its own."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "aws").write_text(AWS)
    (tools / "aws").chmod(0o755)
    work = folder / "work"
    work.mkdir()
    path = [tools, python_of("dbt").parent, Path(sys.executable).parent, os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=work,
        env={
            "PATH": os.pathsep.join(map(str, path)),
            "HOME": str(folder),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def duckdb(database: Path, statements: str) -> Any:
    """The rows of the last statement, through the DuckDB that dbt brings."""
    script = "import duckdb, json, sys; print(json.dumps(duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))"
    done = subprocess.run(
        [python_of("dbt"), "-c", script, database, statements], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)
