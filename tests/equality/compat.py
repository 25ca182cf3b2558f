"""``make compat``: examples, their providers' too, and the corpus, on every Airflow that MWAA has and on the newest.

Makes the virtual environments that are missing. Ends with status 1 where anything differs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from local.toolchain import python_of
from tests.equality.corpus import compare_all, faults, habits

_OLDER_PYTHON = "python3.11"
# By the environment's name in local/requirements, the line whose habits it has.
_AIRFLOWS = {"airflow-2.10": 2, "airflow-2": 2, "airflow-3": 3, "airflow-3-newest": 3}


def main() -> int:
    failed = False
    for label, line, python in _interpreters():
        started = time.monotonic()
        told = list(_told(line, python))
        failed = failed or any(told_faults for _, told_faults in told)
        dags = sum(count for count, _ in told)
        sys.stdout.write("".join(f"  {one}\n" for _, told_faults in told for one in told_faults))
        sys.stdout.write(f"{label}: {dags} DAGs of {len(told)} folders, {time.monotonic() - started:.0f} s\n")
        sys.stdout.flush()
    return 1 if failed else 0


def _interpreters() -> Iterator[tuple[str, int, Path]]:
    for name, line in _AIRFLOWS.items():
        yield name, line, python_of(name)
    if older := _older_python():
        yield f"airflow-2.10 on {_OLDER_PYTHON}", 2, python_of("airflow-2.10", older)
    else:
        sys.stdout.write(f"airflow-2.10 on {_OLDER_PYTHON}: skipped, there is no {_OLDER_PYTHON} on PATH\n")


def _older_python() -> str | None:
    """MWAA runs Airflow 2.10 on it. One on PATH may be a shim of pyenv's whose version is not there."""
    candidates = (shutil.which(_OLDER_PYTHON, path=folder) for folder in _path())
    return next((found for found in candidates if found and _runs(found)), None)


def _told(line: int, python: Path) -> Iterator[tuple[int, list[str]]]:
    """Of each folder, how many DAGs the plain one has, and what is not as it should be."""
    with tempfile.TemporaryDirectory() as home:
        outcomes = compare_all(line, python, Path(home).resolve(), providers=True)
    expected = habits(line)
    for name, outcome in outcomes.items():
        yield len(outcome.dags), [f"{name}: {one}" for one in faults(outcome, expected.get(name))]


def _path() -> list[str]:
    return os.environ.get("PATH", os.defpath).split(os.pathsep)


def _runs(python: str) -> bool:
    done = subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
