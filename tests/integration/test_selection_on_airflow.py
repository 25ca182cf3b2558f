"""What modules really open while Airflow imports them is among what their text is said to lead to."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from dagbranch.domain.dag_modules import dag_modules
from dagbranch.domain.static_closure import Changes, Repository
from local.toolchain import python_of

DATA = Path(__file__).parents[1] / "data"


def corpus() -> list[Path]:
    """The dags folders of the awkward repositories."""
    repositories = [*sorted((DATA / "corpus").glob("*/")), DATA / "runtime" / "awkward"]
    return [(one / "dags" if (one / "dags").is_dir() else one).resolve() for one in repositories]


def test_a_change_of_any_file_that_a_module_reads_touches_it(tmp_path: Path) -> None:
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [str(python_of("airflow-3")), str(DATA / "traced_reads.py"), *map(str, corpus())]
    ran = subprocess.run(command, capture_output=True, check=True, env=environment, cwd=tmp_path, timeout=500)
    traced: dict[str, dict[str, list[str]]] = json.loads(ran.stdout.splitlines()[-1])

    missed = {
        (Path(folder).parent.name, module, read)
        for folder, modules in traced.items()
        for module, read in untold_reads(Path(folder), modules)
    }

    assert sum(len(reads) for modules in traced.values() for reads in modules.values()) > 20
    assert missed == set()


def untold_reads(folder: Path, modules: dict[str, list[str]]) -> list[tuple[str, str]]:
    """The files that a module reads and that do not touch it, whether they are changed or deleted."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return [
        (module, read)
        for module, reads in modules.items()
        for read in reads
        if not touches(files, read, module) or (read != module and not touches(without(files, read), read, module))
    ]


def without(files: dict[str, bytes], path: str) -> dict[str, bytes]:
    return {one: content for one, content in files.items() if one != path}


def touches(files: dict[str, bytes], changed: str, module: str) -> bool:
    deleted = {changed} - files.keys()
    return module in Repository(files, dag_modules(files), deleted).touched(Changes(frozenset({changed})))
