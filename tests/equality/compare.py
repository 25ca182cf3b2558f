"""``python -m tests.equality.compare SOURCE AIRFLOW``: the same DAGs plain and packaged, told by Airflow itself.

``SOURCE`` is a pipelines repository or a dags folder, ``AIRFLOW`` a virtual environment of the toolchain
(``airflow-2``) or the path of an interpreter. Ends with status 1 and the differences where an environment's DAGs
(``as_written``, as a preview and as a release) differ in more than ids, tags, references and places, or Airflow
shows other import errors. What is different by design is told by its name, and passes with ``--expect NAME``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from local.toolchain import python_of
from tests.equality.differences import DIFFERS, KINDS, Difference, differences, unsteady
from tests.equality.sides import Side, Sides, assigned, make_sides
from tests.equality.words import id_of

_SIDES = ("plain", "preview", "release")


@dataclass(frozen=True)
class Entry:
    """``settings``: the server's, as environment variables; ``wanted``: the DAG that a task's process asks for."""

    source: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    wanted: str = ""


@dataclass(frozen=True)
class Outcome:
    """``dags`` and ``errors``: of the plain folder, ids, and texts by file; ``found`` by the lane that differs.

    ``unsteady``: places that differ from one load of the plain folder to the next (the time of day, random numbers),
    so that nothing can be said of them.
    """

    dags: tuple[str, ...]
    errors: Mapping[str, str]
    warnings: tuple[str, ...]
    found: Mapping[str, list[Difference]]
    unsteady: frozenset[str] = frozenset()


def compare(entries: Mapping[str, Entry], python: Path, home: Path) -> dict[str, Outcome]:
    """All with the same settings in one process of Airflow, which forks for each file; ``home``: where to work."""
    sides = {name: make_sides(entry.source, home / "entries" / name) for name, entry in entries.items()}
    jobs = {
        f"{name}/{kind}": _job(entries[name], getattr(both, kind)) for name, both in sides.items() for kind in _SIDES
    }
    seen = _observe(python, home, jobs)
    outcomes = {name: _outcome(both, *(seen[f"{name}/{side}"] for side in _SIDES)) for name, both in sides.items()}
    doubtful = {
        name: {**jobs[f"{name}/plain"], "only": files}
        for name, outcome in outcomes.items()
        if (files := [str(sides[name].plain.dags / module) for module in _differing_modules(outcome)])
    }
    again = _observe(python, home, doubtful) if doubtful else {}
    return {
        name: _steady(outcome, unsteady(seen[f"{name}/plain"], again[name], sides[name].plain))
        if name in again
        else outcome
        for name, outcome in outcomes.items()
    }


def _job(entry: Entry, side: Side) -> dict[str, Any]:
    wanted = assigned(entry.wanted) if entry.wanted and side.rewrites else entry.wanted
    return {"dags": str(side.dags), "settings": entry.settings, "wanted": wanted}


def _differing_modules(outcome: Outcome) -> list[str]:
    found = (one for found in outcome.found.values() for one in found)
    return sorted({one.where.partition(" ")[0] for one in found if one.kind == DIFFERS and " " in one.where})


def _steady(outcome: Outcome, places: frozenset[str]) -> Outcome:
    found = {lane: [one for one in found if one.where not in places] for lane, found in outcome.found.items()}
    return replace(outcome, found=found, unsteady=places)


def _outcome(sides: Sides, plain: Any, preview: Any, release: Any) -> Outcome:
    folder = sides.plain.dags
    return Outcome(
        dags=tuple(sorted(id_of(dag) for dag in plain["dags"])),
        errors={str(Path(file).relative_to(folder)): text for file, text in plain["errors"].items()},
        warnings=sides.preview.warnings,
        found={
            "preview": differences(plain, preview, sides.plain, sides.preview),
            "release": differences(plain, release, sides.plain, sides.release),
        },
    )


def _observe(python: Path, home: Path, jobs: Mapping[str, Any]) -> dict[str, Any]:
    """Airflow reads some settings when it is imported: each set of them is a process."""
    found = {}
    for settings in {tuple(sorted(job["settings"].items())) for job in jobs.values()}:
        group = {name: job for name, job in jobs.items() if tuple(sorted(job["settings"].items())) == settings}
        found.update(_observe_with(dict(settings), python, home, group))
    return found


def _observe_with(settings: Mapping[str, str], python: Path, home: Path, jobs: Mapping[str, Any]) -> dict[str, Any]:
    for folder in ("tmp", "airflow"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [python, "-W", "ignore", Path(__file__).with_name("observe.py")],
        input=json.dumps(jobs),
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-6000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("airflow")
    parser.add_argument("--expect", action="append", default=[], choices=KINDS)
    options = parser.parse_args()
    python = Path(options.airflow).absolute() if "/" in options.airflow else python_of(options.airflow)
    with tempfile.TemporaryDirectory() as home:
        outcome = compare({"source": Entry(options.source)}, python, Path(home).resolve())["source"]
    told = [(lane, one) for lane, found in outcome.found.items() for one in found]
    failed = [one for _, one in told if one.kind not in options.expect]
    lines = [
        *(f"unsteady: {one}" for one in sorted(outcome.unsteady)),
        *(f"warning: {one}" for one in outcome.warnings),
        *(f"{lane}: {one}" for lane, one in told),
    ]
    summary = f"{len(outcome.dags)} DAGs, {len(outcome.errors)} import errors, {len(failed)} differences"
    sys.stdout.write("\n".join([*lines, summary]) + "\n")
    return 1 if failed or not (outcome.dags or outcome.errors) else 0


if __name__ == "__main__":
    sys.exit(main())
