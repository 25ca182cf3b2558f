"""The adapter of MWAA on real Airflows of both lines behind the double, through each of its doors."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from dagbranch.adapters.mwaa import Door, MwaaAirflow
from dagbranch.cli import main
from dagbranch.domain.airflow_listing import FinishedRun, ImportFailure, ListedDag, dags_of
from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.domain.import_errors import told
from dagbranch.domain.packaging import read_manifest, source_path_of
from dagbranch.domain.problems import problems_in
from dagbranch.errors import UpstreamError
from local.processes import wait_until
from tests.fakes.contracts.airflow import AirflowContract
from tests.integration.mwaa_stack import MwaaStack, airflow_through, mwaa_client

COMMIT = "1" * 40
DAG = b"""from datetime import datetime
from airflow import DAG

dag = DAG("qu.test_dag", start_date=datetime(2026, 1, 1), schedule="@daily", tags=["team"])
"""
BROKEN = b"from airflow import DAG\n\nraise RuntimeError('no such luck')\n"
TAGGED = """from airflow import DAG
dag = DAG("{dag_id}", schedule=None, tags=["branch_leaves"])
"""
MANY = """from airflow import DAG
for number in range(101):
    globals()[f"dag_{{number}}"] = DAG(f"{dag_id}_{{number:03}}", schedule=None, tags=["{dag_id}"])
"""
WAITING = """import os, time
from airflow import DAG
from airflow.decorators import task

with DAG("{dag_id}", schedule=None, tags=["{environment}"]) as dag:  # a zip with an import error keeps globals alone
    @task
    def wait():
        until = time.monotonic() + 240
        while os.path.exists(os.path.join(os.environ["AIRFLOW_HOME"], "hold")) and time.monotonic() < until:
            time.sleep(0.2)
    wait()
"""


class Server:
    """A real Airflow, by what is put into its bucket, and by its own REST API."""

    def __init__(self, stack: MwaaStack, most_characters: int = 250) -> None:
        self.most_characters = most_characters
        self._stack = stack

    def put_zip(self, environment: str, *names: str, broken: str | None = None) -> None:
        texts = {
            f"dag_{number}.py": WAITING.format(environment=environment, dag_id=f"qu.{environment}.{name}").encode()
            for number, name in enumerate(names)
        }
        if broken:
            texts[f"{broken}.py"] = BROKEN
        self._stack.put(f"{environment}.zip", _zip(texts))
        self._wait_for(environment, len(names), is_active=True)
        also_stale = "only_active" if self._stack.airflow.line == "2" else "exclude_stale"
        pattern = {"dag_id_pattern": f"qu.{environment}.", also_stale: False}
        self._stack.airflow.api("PATCH", "/dags", pattern, {"is_paused": False})

    def remove_zip(self, environment: str) -> None:
        rows = len(self._stack.find(environment))
        self._stack.remove(f"{environment}.zip")
        self._wait_for(environment, rows, is_active=False)

    @contextmanager
    def running(self, dag_id: str, run_id: str | None = None) -> Iterator[None]:
        """Paused as it runs, as a removal pauses it. Airflow's own API is asked: MWAA's takes no path that long."""
        api, run_id = self._stack.airflow.api, run_id or f"r{uuid4().hex[:6]}"
        hold = self._stack.airflow.folder / "hold"
        hold.touch()
        try:
            body = {"dag_run_id": run_id} | ({} if self._stack.airflow.line == "2" else {"logical_date": None})
            assert api("POST", f"/dags/{dag_id}/dagRuns", body=body)[0] == 200
            path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
            wait_until(
                lambda: [task["state"] for task in api("GET", path)[1]["task_instances"]] == ["running"],
                what=f"a task of {dag_id} runs",
                deadline_seconds=120,
            )
            api("PATCH", f"/dags/{dag_id}", body={"is_paused": True})
            yield
        finally:
            hold.unlink()

    def succeed(self, dag_id: str) -> FinishedRun:
        """Without a hold, the task ends as soon as it begins."""
        api, run_id = self._stack.airflow.api, f"r{uuid4().hex[:6]}"
        body = {"dag_run_id": run_id} | ({} if self._stack.airflow.line == "2" else {"logical_date": None})
        assert api("POST", f"/dags/{dag_id}/dagRuns", body=body)[0] == 200
        path = f"/dags/{dag_id}/dagRuns/{run_id}"
        wait_until(
            lambda: api("GET", path)[1].get("state") == "success",
            what=f"{dag_id} succeeds",
            deadline_seconds=240,
        )
        run = api("GET", path)[1]
        return FinishedRun(dag_id, *(datetime.fromisoformat(run[name]) for name in ("start_date", "end_date")))

    def _wait_for(self, environment: str, number: int, *, is_active: bool) -> None:
        def there() -> bool:
            rows = self._stack.find(environment)
            active = [row["is_active"] if "is_active" in row else not row["is_stale"] for row in rows]
            return active.count(is_active) == number

        wait_until(there, what=f"{number} DAGs of {environment} are as expected", deadline_seconds=120)


class OnRealAirflow(AirflowContract):
    @pytest.fixture
    def server(self, stack: MwaaStack) -> Server:
        return Server(stack)


@pytest.fixture(scope="module")
def cli(started_stack: MwaaStack) -> Iterator[MwaaAirflow]:
    """One for all: asking for the version is a command too, and each takes seconds."""
    with airflow_through("cli", started_stack.client, started_stack.certificates) as airflow:
        yield airflow


class TestCliDoor(OnRealAirflow):
    @pytest.fixture
    def airflow(self, cli: MwaaAirflow) -> MwaaAirflow:
        return cli


class TestRestDoor(OnRealAirflow):
    @pytest.fixture
    def airflow(self, stack: MwaaStack) -> Iterator[MwaaAirflow]:
        with airflow_through("rest", stack.client, stack.certificates) as airflow:
            yield airflow

    @pytest.fixture
    def server(self, stack: MwaaStack) -> Server:
        return Server(stack, most_characters=58)

    def test_run_whose_path_is_too_long_ends_in_airflow_3_and_goes_on_in_airflow_2(
        self, airflow: MwaaAirflow, server: Server, stack: MwaaStack
    ) -> None:
        run_id = f"manual__2026-11-21T10:56:33.123456+00:00_{uuid4().hex[:6]}"
        server.put_zip("runs_long", "busy")

        with server.running("qu.runs_long.busy", run_id):
            runs = airflow.end_runs(["qu.runs_long.busy", "qu.runs_long.gone"])
            if stack.airflow.line == "3":
                airflow.delete_dag("qu.runs_long.busy")

        told = (f"qu.runs_long.busy/{run_id}",)
        assert (runs.ended, runs.still_running) == ((told, ()) if stack.airflow.line == "3" else ((), told))


@pytest.fixture
def airflow(stack: MwaaStack) -> Iterator[MwaaAirflow]:
    with airflow_through("auto", stack.client, stack.certificates) as adapter:
        yield adapter


def test_environment_is_listed_turns_stale_with_its_zip_and_is_deleted(
    stack: MwaaStack, airflow: MwaaAirflow, tmp_path: Path
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    stack.put("anybodys.py", TAGGED.format(dag_id="anybodys").encode())
    _deploy(stack, tmp_path, "branch_leaves", {"dags/qu/test_dag.py": DAG})
    listed = _wait_for(airflow, "branch_leaves", lambda dags: len(dags) == 2 and all(dag.is_active for dag in dags))

    stack.remove("branch_leaves.zip")
    left = _wait_for(airflow, "branch_leaves", lambda dags: not all(dag.is_active for dag in dags))
    airflow.delete_dag("qu.branch_leaves.test_dag")
    kept = airflow.dags("branch_leaves")

    [own] = dags_of("branch_leaves", listed.values())
    assert own.dag_id == "qu.branch_leaves.test_dag"
    assert own.file_location == str(stack.airflow.dags_folder / "branch_leaves.zip" / "dag__qu__test_dag.py")
    assert own.tags == {"branch_leaves", "team", "commit:1111111"}
    assert listed["anybodys"].tags == {"branch_leaves"}
    for dag in listed.values():
        assert dag.parsed_at is not None
        assert before < dag.parsed_at < datetime.now(UTC)
    assert {dag_id: dag.is_active for dag_id, dag in left.items()} == {own.dag_id: False, "anybodys": True}
    assert left[own.dag_id].tags == own.tags
    assert [dag.dag_id for dag in kept] == ["anybodys"]


@pytest.mark.parametrize("door", ["cli", "rest"])
def test_a_dag_whose_id_has_letters_of_any_language_is_listed_and_deleted(
    stack: MwaaStack, airflow: MwaaAirflow, tmp_path: Path, door: Door
) -> None:
    environment, dag_id = f"letters_{door}", f"qu.letters_{door}.straßen"
    _deploy(stack, tmp_path, environment, {"dags/qu/streets.py": DAG.replace(b"test_dag", "straßen".encode())})
    with airflow_through(door, stack.client, stack.certificates) as through:
        _wait_for(through, environment, lambda dags: [dag.dag_id for dag in dags] == [dag_id])
        through.pause(dag_id)
        runs = through.end_runs([dag_id])
        stack.remove(f"{environment}.zip")
        _wait_for(airflow, environment, lambda dags: not any(dag.is_active for dag in dags))
        through.delete_dag(dag_id)

    assert runs.still_running == ()
    assert airflow.dags(environment) == []


def test_import_failure_names_the_module_in_the_zip_and_has_its_traceback(
    stack: MwaaStack, airflow: MwaaAirflow, tmp_path: Path
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    _deploy(stack, tmp_path, "branch_breaks", {"dags/qu/test_dag.py": DAG, "dags/qu/broken.py": BROKEN})
    seen: list[ImportFailure] = []

    def failed() -> bool:
        """Airflow forgets the errors inside of zips whenever it lists the folder, until it parses the zip again."""
        seen.extend(one for one in airflow.import_failures() if "branch_breaks" in one.file_location)
        return bool(seen)

    wait_until(failed, what="the import error is told", deadline_seconds=60)

    failure = seen[0]
    assert failure.file_location == str(stack.airflow.dags_folder / "branch_breaks.zip" / "dag__qu__broken.py")
    manifest = read_manifest((tmp_path / "dags" / "branch_breaks.zip").read_bytes())
    assert source_path_of(failure.file_location, manifest) == "qu/broken.py"
    assert "RuntimeError: no such luck" in failure.stack_trace
    assert 'branch_breaks/qu/broken.py", line 3' in failure.stack_trace
    assert failure.at is not None
    assert before < failure.at < datetime.now(UTC)


def test_import_failures_are_told_by_file_line_and_error_of_the_repository(
    stack: MwaaStack, airflow: MwaaAirflow, tmp_path: Path
) -> None:
    """As Airflow of each line words a traceback, also where it ends in a file that the module imports."""
    files = {
        "dags/qu/test_dag.py": DAG,
        "dags/qu/syntax.py": b"from airflow import DAG\n\ndef f(:\n",
        "dags/qu/uses.py": b"from airflow import DAG\n\nimport qu.helper\n",
        "dags/qu/helper.py": b"import os\n\nraise ValueError('of\\nmany lines')\n",
        "dags/qu/leaves.py": b"from airflow import DAG\n\nraise SystemExit('enough')\n",
    }
    _deploy(stack, tmp_path, "branch_words", files)
    manifest = read_manifest((tmp_path / "dags" / "branch_words.zip").read_bytes())
    found: list[ImportFailure] = []

    def failed() -> bool:
        found[:] = [one for one in airflow.import_failures() if one.zip_name == "branch_words"]
        return len(found) >= 3

    wait_until(failed, what="the import errors are told", deadline_seconds=60)

    lines = sorted(told(found, manifest))
    assert lines == [
        "dags/qu/helper.py:3: ValueError: of (imported by dags/qu/uses.py)",
        "dags/qu/leaves.py:3: ImportError: SystemExit: enough",
        "dags/qu/syntax.py:3: SyntaxError: invalid syntax",
    ]
    assert [problem.line for problem in problems_in("\n".join(lines))] == [3, 3, 3]


def test_more_rows_than_a_page_holds_are_all_listed_once(stack: MwaaStack, airflow: MwaaAirflow) -> None:
    stack.put("crowd.py", MANY.format(dag_id="crowd").encode())

    listed = _wait_for(airflow, "crowd", lambda dags: len(dags) >= 101)

    assert sorted(listed) == [f"crowd_{number:03}" for number in range(101)]
    assert len(airflow.dags("crowd")) == 101


def test_tag_that_nobody_has_lists_nothing(airflow: MwaaAirflow) -> None:
    assert airflow.dags("nobodys") == []


def test_dag_that_is_not_there_is_deleted_already(stack: MwaaStack) -> None:
    """With the status that AWS does not document; with the other one, a running task's refusal comes above."""
    with (
        stack.other_mwaa(failed_command_status=400) as mwaa,
        airflow_through("cli", mwaa_client(mwaa.endpoint), stack.certificates) as airflow,
    ):
        airflow.delete_dag("qu.gone.test_dag")

    assert stack.find("gone") == []


def test_people_look_at_the_web_server_of_the_environment(stack: MwaaStack, airflow: MwaaAirflow) -> None:
    assert airflow.pages() == AirflowPages(f"https://{stack.mwaa.web_server}", stack.airflow.version)


def test_caller_whom_aws_refuses_is_told_what_to_allow(stack: MwaaStack) -> None:
    needed = {"cli": "airflow:CreateCliToken", "rest": "airflow:InvokeRestApi", "auto": "MwaaRole"}
    with stack.other_mwaa(authorize=lambda *_: False) as mwaa:
        for door in ("cli", "rest", "auto"):
            with airflow_through(door, mwaa_client(mwaa.endpoint), stack.certificates) as airflow:
                for call in (lambda: airflow.dags("any"), airflow.import_failures, lambda: airflow.delete_dag("any")):
                    with pytest.raises(UpstreamError, match="AccessDeniedException") as refused:
                        call()
                    assert type(refused.value) is UpstreamError
                    assert needed[door] in str(refused.value)


def test_token_that_has_expired_on_its_way_is_refused(stack: MwaaStack) -> None:
    times = iter(range(0, 1000, 61))
    with (
        stack.other_mwaa(clock=lambda: float(next(times))) as mwaa,
        airflow_through("cli", mwaa_client(mwaa.endpoint), stack.certificates) as airflow,
        pytest.raises(UpstreamError, match="answered 403 to 'airflow dags delete -y any'") as refused,
    ):
        airflow.delete_dag("any")

    assert type(refused.value) is UpstreamError


def _deploy(stack: MwaaStack, folder: Path, environment: str, files: dict[str, bytes]) -> None:
    """What the command packages, put as a deploy puts it: the zip last."""
    for path, content in files.items():
        (folder / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / path).write_bytes(content)
    dags = folder / "dags"
    options = {"--environment": environment, "--commit": COMMIT, "--output": str(dags)}
    assert main(["package", str(folder / "source"), *(word for option in options.items() for word in option)]) == 0
    for file in sorted((dags / environment).rglob("*")):
        if file.is_file():
            stack.put(file.relative_to(dags).as_posix(), file.read_bytes())
    stack.put(f"{environment}.zip", (dags / f"{environment}.zip").read_bytes())


def _wait_for(airflow: MwaaAirflow, environment: str, there: Callable[[list[ListedDag]], bool]) -> dict[str, ListedDag]:
    seen: list[ListedDag] = []

    def asked() -> bool:
        seen[:] = airflow.dags(environment)
        return there(seen)

    wait_until(asked, what=f"the rows of {environment} are as expected", deadline_seconds=60)
    return {dag.dag_id: dag for dag in seen}


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()
