"""What detection says of dbt projects, held against dbt's own manifest of them (``dbt parse``, on DuckDB)."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagbranch.domain.dbt_project import read_dbt_projects
from dagbranch.domain.detection import Detected, detected
from local.toolchain import ROOT, script_of

DATA = ROOT / "tests" / "data" / "detection_dbt"
SUFFIX = "_feature1"
WRITTEN = {"model", "seed", "snapshot"}


@dataclass(frozen=True)
class Case:
    """A repository with a dbt project, and what the DAGs of one environment hand over to it."""

    folder: Path
    environment: Mapping[str, str]
    variables: Mapping[str, str]


CASES = {
    "shop": Case(
        Path("dbt"),
        {"DBT_SCHEMA": f"db_shop{SUFFIX}"},
        {name: f"{name}{SUFFIX}" for name in ("db_shop", "db_finance", "db_history")},
    ),
    "house": Case(Path(), {}, {}),
}


@dataclass(frozen=True)
class Told:
    """Tables by the resource's id, as dbt names them and dagbranch reads them."""

    written: Mapping[str, str]
    read: Mapping[str, str]
    paths: Mapping[str, str]


@pytest.fixture(scope="module", params=sorted(CASES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def ours(name: str) -> Detected:
    root = DATA / name
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    uses, _ = read_dbt_projects(files)
    return detected(uses)


@pytest.fixture(scope="module")
def theirs(name: str, tmp_path_factory: pytest.TempPathFactory) -> Told:
    case, copy = CASES[name], tmp_path_factory.mktemp("dbt") / name
    shutil.copytree(DATA / name, copy)
    project = copy / case.folder
    connect_to_duckdb(project / "profiles.yml")
    done = subprocess.run(
        [script_of("dbt", "dbt"), "parse", "--profiles-dir", ".", "--vars", json.dumps(case.variables)],
        cwd=project,
        env={"PATH": "/usr/bin:/bin", "HOME": str(copy), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", **case.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return told(json.loads((project / "target" / "manifest.json").read_text()), case.folder)


def connect_to_duckdb(profiles: Path) -> None:
    """The adapter that is a library; the schema stays what the profile says."""
    found = yaml.safe_load(profiles.read_text())
    for profile in found.values():
        for target, output in profile["outputs"].items():
            profile["outputs"][target] = {"type": "duckdb", "path": f"{target}.duckdb", "schema": output["schema"]}
    profiles.write_text(yaml.safe_dump(found))


def told(manifest: Mapping[str, Any], folder: Path) -> Told:
    resources = {**manifest["nodes"], **manifest["sources"]}
    built = {
        key: node
        for key, node in resources.items()
        if node["resource_type"] in WRITTEN and node["config"]["materialized"] != "ephemeral"
    }
    read = {
        used: table_of(resources[used])
        for node in resources.values()
        if node["resource_type"] in WRITTEN
        for used in node.get("depends_on", {}).get("nodes", [])
        if used in built or used.startswith("source.")
    }
    paths = {key: (folder / node["original_file_path"]).as_posix() for key, node in resources.items()}
    return Told({key: table_of(node) for key, node in built.items()}, read, paths)


def table_of(node: Mapping[str, Any]) -> str:
    """Without the connection's own database, and without what the environment adds to a schema's name."""
    own = node["database"] in {"warehouse", "dev"}
    parts = [node["schema"].removesuffix(SUFFIX), node.get("identifier") or node["alias"]]
    return ".".join(parts if own else [node["database"], *parts]).lower()


def unnamed(ours: Detected, theirs: Told) -> Iterator[str]:
    """What dbt builds at places that are unknown to us."""
    return (key for key in theirs.written if f"{theirs.paths[key]}:1" in ours.unknown)


def test_every_table_that_dbt_builds_is_written_or_unknown(ours: Detected, theirs: Told) -> None:
    hidden = set(unnamed(ours, theirs))

    missing = {
        key: table
        for key, table in theirs.written.items()
        if key not in hidden and f"{theirs.paths[key]}:" not in "".join(ours.written.get(table, ()))
    }

    assert theirs.written
    assert missing == {}


def test_nothing_else_is_written_but_by_hooks(ours: Detected, theirs: Told) -> None:
    others = set(ours.written) - set(theirs.written.values())

    assert {place for table in others for place in ours.written[table]} <= {"dbt_project.yml:14"}


def test_every_table_that_dbt_depends_on_is_read_or_unknown(ours: Detected, theirs: Told) -> None:
    hidden = set(unnamed(ours, theirs))

    assert theirs.read
    assert {table for key, table in theirs.read.items() if key not in hidden} <= set(ours.read)


def test_nothing_else_is_read_but_what_sql_names_by_itself(ours: Detected, theirs: Told) -> None:
    assert set(ours.read) - set(theirs.read.values()) <= {"reference.zip_codes"}


def test_what_only_a_run_tells_is_unknown(name: str, ours: Detected) -> None:
    expected = {"shop": (), "house": ("models/marts/named_by_the_run.sql:1",)}

    assert ours.unknown == expected[name]
