"""``python -m tests.equality.compare DAGS_FOLDER AIRFLOW``: the same DAGs plain and packaged, told by Airflow itself.

``AIRFLOW`` names a virtual environment of the toolchain (``airflow-2``) or is an interpreter. Ends with status 1 and
the differences where an environment's DAGs (``as_written``) differ in more than ids, tags and places.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.domain.packaging import configuration, package_dags, read_manifest
from dagbranch.runtime.isolation import natural_name
from local.toolchain import python_of

ENVIRONMENT = "equality1"
DIGEST = 64 * "0"
# What names the DAG's own id or file, and is compared by itself.
_PLACES = ("fileloc", "relative_fileloc", "_processor_dags_folder", "tags")
# Airflow makes these of sets, whose order follows the ids.
_SETS = ("dag_dependencies", "template_fields")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_PLAIN_MODULE = re.compile(r"unusual_prefix_([0-9a-f]{40})_\w+")


def compare(source: Path, python: Path, home: Path) -> tuple[int, list[str]]:
    """How many DAGs the plain folder has, and the differences, one line each."""
    plain_folder, packaged_folder = home / "plain" / "dags", home / "packaged" / "dags"
    shutil.copytree(source, plain_folder, ignore=shutil.ignore_patterns("__pycache__"))
    modules = _deploy(plain_folder, packaged_folder)
    plain_files = {str(plain_folder / path): natural_name(path) for path in modules.values()}
    plain = _loaded(python, plain_folder, list(plain_files))
    packaged = _loaded(python, packaged_folder, [str(packaged_folder / f"{ENVIRONMENT}.zip")])
    differences = [
        *_differing_dags(
            _by_written_id(plain, plain_folder, plain_files),
            _by_written_id(packaged, packaged_folder / ENVIRONMENT, {}),
        ),
        *_differing_errors(plain["errors"], packaged["errors"], modules),
    ]
    return len(plain["dags"]), differences


def _deploy(source: Path, dags: Path) -> dict[str, str]:
    files = {f"dags/{file.relative_to(source).as_posix()}": file.read_bytes() for file in _files_of(source)}
    packaged = package_dags(files, dags_folder="dags", source_digest=DIGEST, runtime=runtime_modules(), version="0")
    beside = configuration(
        environment=ENVIRONMENT,
        lane="preview",
        repository="equality/test",
        pull_number=1,
        head_sha=40 * "0",
        source_digest=DIGEST,
        settings={"as_written": True},
        schemas={},
    )
    for path, content in {**packaged.copy, f".dagbranch/{DIGEST}.json": beside}.items():
        file = dags / ENVIRONMENT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (dags / f"{ENVIRONMENT}.zip").write_bytes(packaged.archive)
    return dict(read_manifest(packaged.archive).modules)


def _files_of(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


def _loaded(python: Path, dags: Path, files: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [python, "-W", "ignore", Path(__file__).with_name("serialized.py"), *files],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(dags.parent),
            "AIRFLOW_HOME": str(dags.parent / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONHASHSEED": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-4000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _by_written_id(found: dict[str, Any], root: Path, modules: dict[str, str]) -> dict[str, Any]:
    """Serialized DAGs in the words of the code: the names that Airflow or the environment adds are taken out again.

    ``modules``: dotted name by file, for the modules that Airflow names after a digest of their path.
    """
    names = {hashlib.sha1(file.encode(), usedforsecurity=False).hexdigest(): name for file, name in modules.items()}
    dags = {}
    for _, serialized in found["dags"].values():
        text = json.dumps({key: value for key, value in serialized["dag"].items() if key not in _PLACES})
        text = text.replace(str(root), "<root>").replace(f".{ENVIRONMENT}.", ".").replace(f"{ENVIRONMENT}.", "")
        text = _PLAIN_MODULE.sub(lambda match: names.get(match[1], match[0]), _ADDRESS.sub("", text))
        dag = _with_sorted_sets(json.loads(text))
        dags[dag.get("dag_id") or dag["_dag_id"]] = dag
    return dags


def _with_sorted_sets(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_sorted_sets(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(item, key=repr) if key in _SETS and isinstance(item, list) else _with_sorted_sets(item)
        for key, item in value.items()
    }


def _differing_dags(plain: dict[str, Any], packaged: dict[str, Any]) -> Iterator[str]:
    yield from (f"{dag_id}: only in the plain folder" for dag_id in sorted(plain.keys() - packaged.keys()))
    yield from (f"{dag_id}: only in the package" for dag_id in sorted(packaged.keys() - plain.keys()))
    for dag_id in sorted(plain.keys() & packaged.keys()):
        yield from _differences(dag_id, plain[dag_id], packaged[dag_id])


def _differences(where: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from _differences(f"{where}.{key}", one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _differences(f"{where}[{number}]", *pair)
    elif one != other:
        yield f"{where}: plain {one!r}, packaged {other!r}"


def _differing_errors(plain: dict[str, str], packaged: dict[str, str], modules: dict[str, str]) -> Iterator[str]:
    there = {modules[Path(file).name]: text for file, text in packaged.items()}
    here = {path: text for file, text in plain.items() for path in modules.values() if file.endswith(f"/dags/{path}")}
    for path in sorted(here.keys() | there.keys()):
        if (path in here) != (path in there):
            yield f"{path}: import error plain {here.get(path)!r}, packaged {there.get(path)!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("airflow")
    options = parser.parse_args()
    python = Path(options.airflow) if "/" in options.airflow else python_of(options.airflow)
    with tempfile.TemporaryDirectory() as home:
        dags, differences = compare(options.source, python, Path(home))
    sys.stdout.write("\n".join([*differences, f"{dags} DAGs, {len(differences)} differences"]) + "\n")
    return 1 if differences or not dags else 0


if __name__ == "__main__":
    sys.exit(main())
