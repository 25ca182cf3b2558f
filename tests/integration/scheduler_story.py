"""What happens to environments and plain DAGs under a running Airflow, told once per line; the tests look at it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dagbranch import cli
from local.airflow import LocalAirflow
from local.processes import wait_until
from local.toolchain import ROOT

DATA = ROOT / "tests" / "data" / "scheduler"
COMMITS = {"feature1": "a" * 40, "feature1_next": "b" * 40, "feature2": "c" * 40, "feature3": "d" * 40}
NAMES = ("callbacks", "colours", "consume", "flow", "long", "nightly", "orchestrate", "produce", "report")
PLAIN = ("shop.archive", "shop.colours", "shop.consume", "shop.produce", "shop.report")
BROKEN = "shop/broken.py"

_DEADLINE_SECONDS = 240  # it costs something only when something hangs
_FINISHED = {"success", "failed"}

type Facts = Mapping[str, Any]


def own(environment: str, name: str) -> str:
    return f"shop.{environment}.{name}"


@dataclass
class Told:
    """What Airflow showed, and by DAG, run and name what tasks and callbacks noted."""

    airflow: LocalAirflow
    listed: dict[str, Facts] = field(default_factory=dict)
    import_errors: list[Facts] = field(default_factory=list)
    runs: dict[str, list[Facts]] = field(default_factory=dict)
    orchestrated: dict[str, str] = field(default_factory=dict)
    seen: dict[tuple[str, str, str], Facts] = field(default_factory=dict)
    versions: int = 0

    @property
    def dags_folder(self) -> Path:
        return self.airflow.dags_folder

    def run_ids(self, dag_id: str) -> list[str]:
        return [run["dag_run_id"] for run in self.runs.get(dag_id, ())]

    def noted(self, dag_id: str, name: str) -> list[Facts]:
        """By all runs of a DAG whose ids nobody chose."""
        return [facts for (noting, _, noted), facts in self.seen.items() if (noting, noted) == (dag_id, name)]


class Server:
    """A running Airflow whose dags folder is ours for the length of the story."""

    def __init__(self, airflow: LocalAirflow) -> None:
        self.airflow = airflow
        self._logical_date = datetime(2025, 1, 1, tzinfo=UTC)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        status, answer = self.airflow.api("GET", path, query)
        assert status == 200, f"{path}: {status} {answer}"
        return answer

    def dags(self) -> dict[str, Facts]:
        return {dag["dag_id"]: dag for dag in self.get("/dags", {"limit": 100, "dag_id_pattern": "shop."})["dags"]}

    def tags(self, dag_id: str) -> set[str]:
        return {tag["name"] for tag in self.get(f"/dags/{dag_id}")["tags"]}

    def runs(self, dag_id: str) -> list[Facts]:
        found: list[Facts] = self.get(f"/dags/{dag_id}/dagRuns", {"limit": 100})["dag_runs"]
        return found

    def trigger(self, dag_id: str, run_id: str) -> None:
        self._logical_date += timedelta(minutes=1)
        body = {"dag_run_id": run_id, "logical_date": self._logical_date.isoformat()}
        status, answer = self.airflow.api("POST", f"/dags/{dag_id}/dagRuns", body=body)
        assert status == 200, f"{dag_id}: {status} {answer}"

    def run(self, dag_id: str, run_id: str) -> None:
        """Returns when the run has ended."""
        self.trigger(dag_id, run_id)
        self.until_ended(dag_id)

    def until_ended(self, *dag_ids: str) -> None:
        """All runs of these DAGs, of which there has to be one."""
        for dag_id in dag_ids:
            self.until(lambda of=dag_id: self._ended(of), f"the runs of {dag_id} have ended")  # type: ignore[misc]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what=f"{what} (Airflow {self.airflow.line})", deadline_seconds=_DEADLINE_SECONDS)

    def _ended(self, dag_id: str) -> bool:
        runs = self.runs(dag_id)
        return bool(runs) and all(run["state"] in _FINISHED for run in runs)

    def note(self, dag_id: str, run_id: str, name: str) -> Path:
        return self.airflow.folder / "seen" / dag_id / run_id / name


def tell(airflow: LocalAirflow, folder: Path) -> Told:
    """The whole story; ``folder`` is for checkouts and for what a deploy has ready."""
    server, told = Server(airflow), Told(airflow)
    _open(server, told, folder)
    _run_side_by_side(server)
    _update_the_same_asset(server)
    _redeploy_under_a_running_task(server, folder)
    _lose_the_copy(server)
    _look_back(server, told)
    return told


def _open(server: Server, told: Told, folder: Path) -> None:
    shutil.copytree(DATA / "server", server.airflow.dags_folder, dirs_exist_ok=True)
    for environment, overlays in {"feature1": ["feature1"], "feature2": ["feature2"], "feature3": []}.items():
        source = _checkout(folder / environment, *overlays)
        _package(source, environment, COMMITS[environment], server.airflow.dags_folder)
    ids = {*PLAIN, *(own(environment, name) for environment in ("feature1", "feature2", "feature3") for name in NAMES)}
    server.until(lambda: server.dags().keys() >= ids, "every DAG is listed")
    told.listed = server.dags()
    server.until(lambda: bool(_import_errors(server)), "the import error is shown")
    told.import_errors = _import_errors(server)


def _run_side_by_side(server: Server) -> None:
    colours = [own("feature1", "colours"), own("feature2", "colours"), "shop.colours"]
    others = [own("feature1", name) for name in ("flow", "callbacks", "orchestrate")]
    for dag_id in (*colours, *others):
        server.trigger(dag_id, "a")
    for run_id in ("first", "second"):
        server.trigger(own("feature3", "colours"), run_id)
    server.until_ended(*colours, *others, own("feature3", "colours"), own("feature1", "report"), "shop.archive")


def _update_the_same_asset(server: Server) -> None:
    for producer, consumer in (
        (own("feature1", "produce"), own("feature1", "consume")),
        ("shop.produce", "shop.consume"),
    ):
        server.run(producer, "a")
        server.until_ended(consumer)


def _redeploy_under_a_running_task(server: Server, folder: Path) -> None:
    """In the order of a deploy: the copy and the configuration, the zip, and last what the commit dropped."""
    ready = folder / "ready"
    source = _checkout(folder / "feature1_next", "feature1", "feature1_next")
    _package(source, "feature1", COMMITS["feature1_next"], ready)
    long, colours = own("feature1", "long"), own("feature1", "colours")
    server.trigger(long, "a")
    server.until(server.note(long, "a", "started.json").is_file, "the long task has started")

    _put_files(ready / "feature1", server.airflow.dags_folder / "feature1", server.airflow.folder)
    parsed = server.get(f"/dags/{colours}")["last_parsed_time"]
    server.until(lambda: server.get(f"/dags/{colours}")["last_parsed_time"] > parsed, "the old zip is parsed again")
    server.run(colours, "between")
    _put_file(ready / "feature1.zip", server.airflow.dags_folder / "feature1.zip", server.airflow.folder)
    _drop_files(ready / "feature1", server.airflow.dags_folder / "feature1")

    tag = f"commit:{COMMITS['feature1_next'][:7]}"
    server.until(lambda: tag in server.tags(colours), "the next commit is in Airflow")
    server.note(long, "a", "released").touch()
    server.until_ended(long)
    server.run(colours, "b")


def _lose_the_copy(server: Server) -> None:
    """As on a worker that the sync has not reached yet: the zip and its configuration alone."""
    copy = server.airflow.dags_folder / "feature1"
    for entry in copy.iterdir():
        if entry.is_dir() and entry.name != ".dagbranch":
            shutil.rmtree(entry)
        elif entry.is_file():
            entry.unlink()
    server.run(own("feature1", "colours"), "without_copy")


def _look_back(server: Server, told: Told) -> None:
    server.until_ended(own("feature1", "nightly"), own("feature2", "nightly"))
    for run in server.get("/dags/~/dagRuns", {"limit": 100, "order_by": "-start_date"})["dag_runs"]:
        told.runs.setdefault(run["dag_id"], []).append(run)
    path = f"/dags/{own('feature1', 'orchestrate')}/dagRuns/a/taskInstances"
    told.orchestrated = {task["task_id"]: task["state"] for task in server.get(path)["task_instances"]}
    if server.airflow.line == "3":
        told.versions = server.get(f"/dags/{own('feature1', 'colours')}/dagVersions")["total_entries"]
    for file in (server.airflow.folder / "seen").glob("*/*/*.json"):
        told.seen[file.parts[-3], file.parts[-2], file.stem] = json.loads(file.read_bytes())


def _import_errors(server: Server) -> list[Facts]:
    """Airflow drops them at each look at the folder, until the zip is parsed again."""
    found = server.get("/importErrors")["import_errors"]
    return [error for error in found if BROKEN in error["stack_trace"]]


def _checkout(folder: Path, *overlays: str) -> Path:
    """The pipelines repository at the commit of the last overlay."""
    for name in ("main", *overlays):
        shutil.copytree(DATA / "pipelines" / name, folder, dirs_exist_ok=True)
    return folder


def _package(source: Path, environment: str, commit: str, dags_folder: Path) -> None:
    arguments = ["package", str(source), "--environment", environment, "--commit", commit, "--output", str(dags_folder)]
    assert cli.main(arguments) == 0


def _put_files(source: Path, target: Path, arrivals: Path) -> None:
    for file in _files(source):
        standing = target / file.relative_to(source)
        if not standing.is_file() or standing.read_bytes() != file.read_bytes():
            _put_file(file, standing, arrivals)


def _put_file(source: Path, target: Path, arrivals: Path) -> None:
    """At once: Airflow sees the old one or the new one, never a part."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, arrivals / "arriving.part")
    (arrivals / "arriving.part").replace(target)


def _drop_files(source: Path, target: Path) -> None:
    kept = {file.relative_to(source) for file in _files(source)}
    for file in _files(target):
        if file.relative_to(target) not in kept:
            file.unlink()


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in list(folder.rglob("*")) if file.is_file())
