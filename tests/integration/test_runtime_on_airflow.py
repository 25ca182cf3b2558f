"""Packaged DAGs in the real loader of each Airflow line: one process per line loads many environments, one by one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dagbranch.domain.packaging import read_manifest, source_path_of
from local.toolchain import ROOT, python_of
from tests.integration.airflow_server import SHA, Server, files_below, write

DATA = ROOT / "tests" / "data" / "runtime"


@dataclass(frozen=True)
class Seen:
    """What the process of one Airflow line told, by the name of the step."""

    server: Server
    answers: Mapping[str, Any]

    def dags(self, step: str) -> dict[str, Any]:
        dags: dict[str, Any] = self.answers[step]["dags"]
        return dags

    def errors(self, step: str) -> dict[str, str]:
        errors: dict[str, str] = self.answers[step]["errors"]
        return errors

    def command(self, step: str, dag_id: str, task_id: str) -> str:
        command: str = self.dags(step)[dag_id]["tasks"][task_id]["command"]
        return command


@pytest.fixture(scope="module", params=["airflow-2", "airflow-3"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    server = Server(python_of(request.param), tmp_path_factory.mktemp("server"), DATA / "observe.py")
    (server.home / "tmp").mkdir()
    steps = _story(server)
    return Seen(server, dict(zip(steps, server.run(list(steps.values())), strict=True)))


def _story(server: Server) -> dict[str, dict[str, Any]]:
    """Deploys everything, and says in which order the process is to look at it."""
    blue = files_below(DATA / "awkward")
    few = {path: content for path, content in blue.items() if path.startswith(("dags/qu", "dags/other", "dags/ver"))}
    shutil.copytree(DATA / "server_dags", server.dags)
    server.deploy("feature1", blue)
    server.deploy("feature2", _painted(few, b"green"))
    server.deploy("prod_pipelines", blue, lane="prod")
    server.deploy("prod_pipelines_next", few, lane="prod", ids="next", as_written=False, schedules=False, catchup=False)
    server.deploy("scheduled", few, schedules=True)
    server.deploy("written", few, as_written=True)
    server.deploy("wanted", few)
    configuration_of_waiting = _withhold_configuration(server, "waiting", few)
    server.deploy("no_copy", few)
    (server.dags / "no_copy" / "qu").rename(server.home / "gone")
    server.deploy("ahead", few)
    write(server.dags / "ahead" / "qu" / "main" / "costs.csv", b"channel,cost\nnewest,9\n")
    server.deploy("replaced", _painted(few, b"red"))
    red_zip = server.zip_of("replaced").rename(server.home / "red.zip")
    server.deploy("replaced", few)

    def load(environment: str) -> dict[str, Any]:
        return {"load": str(server.zip_of(environment))}

    return {
        "server_before": {"load": str(server.dags / "server_dag.py")},
        "feature1": load("feature1"),
        "feature2": load("feature2"),
        "feature1_task": {"run": [str(server.zip_of("feature1")), "qu.feature1.test_dag", "late"]},
        "feature2_task": {"run": [str(server.zip_of("feature2")), "qu.feature2.test_dag", "late"]},
        "unconfigured": load("waiting"),
        "configure": {"copy": [str(configuration_of_waiting), str(server.dags / "waiting" / ".dagbranch")]},
        "configured": load("waiting"),
        "no_copy": load("no_copy"),
        "ahead": load("ahead"),
        "scheduled": load("scheduled"),
        "written": load("written"),
        "prod": load("prod_pipelines"),
        "canary": load("prod_pipelines_next"),
        "prod_again": load("prod_pipelines"),
        "before": load("replaced"),
        "replace": {"copy": [str(red_zip), str(server.zip_of("replaced"))]},
        "after": load("replaced"),
        "server_after": {"load": str(server.dags / "server_dag.py")},
        "want": {"set": {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": "made.wanted.one"}},
        "wanted": load("wanted"),
    }


def test_ids_get_the_environment_after_their_team_or_before_all(seen: Seen) -> None:
    assert sorted(seen.dags("feature1")) == [
        "feature1.asks",
        "feature1.calendar",
        "feature1.decorated",
        "feature1.hyphen-ated",
        "feature1.latin",
        "feature1.references",
        "feature1.relative",
        "made.feature1.one",
        "made.feature1.two",
        "qu.feature1.test_dag",
        "qu.feature1.test_dag_child",
        "qu.feature1.twice",
        "siblings.feature1.a",
        "siblings.feature1.b",
        "team.feature1.own_class",
    ]


def test_tags_name_environment_commit_and_broken_modules_beside_the_dags_own(seen: Seen) -> None:
    assert seen.dags("feature1")["qu.feature1.test_dag"]["tags"] == [
        "commit:0123456",
        "feature1",
        "import-errors",
        "team",
    ]


def test_import_errors_are_told_for_the_module_that_has_them_alone(seen: Seen) -> None:
    manifest = read_manifest(seen.server.zip_of("feature1").read_bytes())

    errors = {source_path_of(stub, manifest): text for stub, text in seen.errors("feature1").items()}

    assert sorted(filter(None, errors)) == ["bad_cron.py", "broken.py", "exits.py", "too_long.py", "twice_b.py"]
    assert 'feature1/broken.py", line 3' in errors["broken.py"]
    assert "THIS_IS_NOT_THERE" in errors["broken.py"]
    assert "SystemExit: no DAGs on this machine" in errors["exits.py"]
    assert "252 characters" in errors["too_long.py"]
    assert "'qu.feature1.twice' is given in twice_a.py and in twice_b.py" in errors["twice_b.py"]
    assert "AirflowTimetableInvalid" in errors["bad_cron.py"]


def test_templates_render_with_the_environments_macros_and_the_dags_own_go_first(seen: Seen) -> None:
    assert seen.command("feature1", "qu.feature1.test_dag", "load") == (
        "INSERT INTO db_attribution_feature1.m_roi SELECT * FROM db_attribution_feature1.m_events "
        f"-- 2026-01-02 macro warehouse_test feature1 mine {SHA}"
    )


def test_code_reads_the_files_beside_it(seen: Seen) -> None:
    tasks = seen.dags("feature1")["qu.feature1.test_dag"]["tasks"]

    assert tasks["load"]["downstream"] == ["cost_display", "cost_search"]
    assert tasks["cost_search"]["command"] == "echo 3 blue"
    assert tasks["said"]["command"] == (
        f"echo qu.feature1.test_dag feature1 {seen.server.dags / 'feature1' / 'qu' / 'main'}"
    )


def test_relative_imports_package_walks_and_resources_work(seen: Seen) -> None:
    assert seen.command("feature1", "feature1.relative", "facts") == (
        "['constants', 'relative_dag'] ['note.txt'] a note 'NAME = \"relative\"'"
    )


def test_code_may_ask_for_its_environment(seen: Seen) -> None:
    assert seen.command("feature1", "feature1.asks", "facts") == (
        f"feature1 preview {SHA} db_attribution_feature1 warehouse_test none"
    )


def test_references_follow_to_the_environments_own_dags_and_to_no_others(seen: Seen) -> None:
    tasks = seen.dags("feature1")["feature1.references"]["tasks"]

    assert tasks["own"]["trigger_dag_id"] == "qu.feature1.test_dag"
    assert tasks["waits"]["external_dag_id"] == "qu.feature1.test_dag"
    assert tasks["by_object"]["trigger_dag_id"] == "feature1.references"
    assert tasks["foreign"]["trigger_dag_id"] == "other_team.dag"
    assert tasks["templated"]["trigger_dag_id"] == "{{ params.which }}"
    assert tasks["partial"]["partial"] == "qu.feature1.test_dag"
    assert tasks["expanded"]["expanded"] == ["qu.feature1.test_dag", "other_team.dag", "feature1.decorated"]
    assert tasks["by_kwargs"]["expanded"] == [{"trigger_dag_id": "feature1.decorated"}]


def test_a_dag_that_two_files_hold_is_of_the_one_that_makes_it(seen: Seen) -> None:
    files = {dag_id: Path(dag["file"]).name for dag_id, dag in seen.dags("feature1").items()}

    assert files["qu.feature1.test_dag"] == "dag__qu__main__test_dag.py"
    assert files["qu.feature1.test_dag_child"] == "dag__qu__main__imports_other.py"


def test_two_environments_in_one_process_have_their_own_modules_each(seen: Seen) -> None:
    assert seen.command("feature1", "qu.feature1.test_dag", "cost_search") == "echo 3 blue"
    assert seen.command("feature2", "qu.feature2.test_dag", "cost_search") == "echo 3 green"
    assert seen.answers["feature1_task"] == "blue"
    assert seen.answers["feature2_task"] == "green"


def test_the_servers_own_modules_of_the_same_name_stay_the_servers(seen: Seen) -> None:
    assert seen.command("server_before", "server", "name") == "echo of the server"
    assert seen.command("server_after", "server", "name") == "echo of the server"
    assert "of the server" not in seen.command("feature1", "feature1.relative", "facts")


def test_without_its_configuration_each_module_is_an_error_that_says_so(seen: Seen) -> None:
    stubs = read_manifest(seen.server.zip_of("waiting").read_bytes()).modules

    assert seen.dags("unconfigured") == {}
    assert sorted(seen.errors("unconfigured")) == sorted(stubs)
    assert all(
        "is not there, so the environment waiting has no DAGs" in text for text in seen.errors("unconfigured").values()
    )
    assert "qu.waiting.test_dag" in seen.dags("configured")


@pytest.mark.parametrize("step", ["no_copy", "ahead"])
def test_files_come_from_the_zip_where_the_copy_has_not_this_version(seen: Seen, step: str) -> None:
    dag = seen.dags(step)[f"qu.{step}.test_dag"]

    assert dag["tasks"]["load"]["downstream"] == ["cost_display", "cost_search"]
    assert dag["tasks"]["load"]["command"].startswith(f"INSERT INTO db_attribution_{step}.m_roi")
    assert dag["root"].startswith(str(seen.server.home / "tmp"))


def test_files_of_one_version_are_extracted_once_per_machine(seen: Seen) -> None:
    places = {seen.dags(step)[f"qu.{step}.test_dag"]["root"] for step in ("no_copy", "ahead")}

    (place,) = places
    (home,) = (seen.server.home / "tmp").glob("dagbranch-*")
    assert place.startswith(str(home))
    assert home.stat().st_mode & 0o077 == 0


def test_a_preview_has_no_schedules_and_nothing_paused(seen: Seen) -> None:
    for dag in seen.dags("feature1").values():
        assert dag["timetable"] == "NullTimetable"
        assert dag["catchup"] is False
        assert dag["paused"] is False


def test_a_preview_may_ask_for_its_schedules(seen: Seen) -> None:
    dag = seen.dags("scheduled")["qu.scheduled.test_dag"]

    assert dag["timetable"].startswith("Cron")
    assert dag["catchup"] is False
    assert dag["paused"] is False


def test_as_written_leaves_schedule_and_pausing_to_the_code(seen: Seen) -> None:
    dag = seen.dags("written")["qu.written.test_dag"]

    assert dag["timetable"].startswith("Cron")
    assert dag["paused"] is None


def test_a_release_lane_keeps_ids_references_and_schedules(seen: Seen) -> None:
    dags = seen.dags("prod")

    assert dags["qu.test_dag"]["timetable"].startswith("Cron")
    assert dags["qu.test_dag"]["tags"] == ["commit:0123456", "import-errors", "prod_pipelines", "team"]
    assert dags["references"]["tasks"]["own"]["trigger_dag_id"] == "qu.test_dag"
    assert "qu.test_dag_child" in dags


def test_a_canary_stands_beside_what_it_may_replace_and_nothing_starts_it(seen: Seen) -> None:
    canary = seen.dags("canary")["qu.next.test_dag"]

    assert (canary["timetable"], canary["catchup"], canary["paused"]) == ("NullTimetable", False, False)
    assert {"commit:0123456", "prod_pipelines_next"} <= set(canary["tags"])
    assert not seen.dags("canary").keys() & seen.dags("prod").keys()
    assert seen.dags("prod_again") == seen.dags("prod")


def test_a_replaced_zip_is_read_anew_in_the_same_process(seen: Seen) -> None:
    assert seen.command("before", "qu.replaced.test_dag", "cost_search") == "echo 3 blue"
    assert seen.command("after", "qu.replaced.test_dag", "cost_search") == "echo 3 red"


def test_code_that_makes_only_the_wanted_dag_makes_it(seen: Seen) -> None:
    made = [dag_id for dag_id in seen.dags("wanted") if dag_id.startswith("made.")]

    assert made == ["made.wanted.one"]


def _painted(files: Mapping[str, bytes], colour: bytes) -> dict[str, bytes]:
    """Another commit of the repository: its shared module has another colour."""
    return {**files, "dags/qu/common.py": files["dags/qu/common.py"].replace(b"blue", colour)}


def _withhold_configuration(server: Server, environment: str, files: Mapping[str, bytes]) -> Path:
    server.deploy(environment, files)
    (file,) = (server.dags / environment / ".dagbranch").iterdir()
    return file.rename(server.home / file.name)
