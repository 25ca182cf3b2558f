"""Environments and plain DAGs side by side under the real scheduler, DAG processor and executor of both lines."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.integration.mwaa_stack import MwaaStack
from tests.integration.scheduler_story import COMMITS, NAMES, Told, own, tell

COLOURS = own("feature1", "colours")


@pytest.fixture(scope="session")
def told(started_stack: MwaaStack, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """On the Airflow that other tests use too; the dags folder is as it was when the story has been told."""
    with started_stack.mwaa.sync_paused():
        told = tell(started_stack.airflow, tmp_path_factory.mktemp("checkouts"))
    started_stack.mwaa.sync_now()
    return told


@pytest.mark.parametrize(
    ("dag_id", "colour", "home"),
    [(COLOURS, "blue", "feature1"), (own("feature2", "colours"), "green", "feature2"), ("shop.colours", "plain", "")],
)
def test_a_task_sees_its_own_modules_where_environments_and_the_server_have_them_by_the_same_names(
    told: Told, dag_id: str, colour: str, home: str
) -> None:
    seen = told.seen[dag_id, "a", "look"]

    assert seen["colour"] == colour
    assert seen["colour_file"] == str(told.dags_folder / home / "utils" / "colour.py")
    assert seen["file"] == str(told.dags_folder / home / "shop" / "colours.py")


@pytest.mark.parametrize(("environment", "colour"), [("feature1", "blue"), ("feature2", "red")])
def test_a_template_file_is_rendered_with_the_environments_own_macros(
    told: Told, environment: str, colour: str
) -> None:
    seen = told.seen[own(environment, "colours"), "a", "look"]

    assert seen["sql"] == (
        f"SELECT '{colour}' FROM db_attribution_{environment}.m_events"
        f" -- {environment} preview {COMMITS[environment]} shop.{environment}.colours"
    )


@pytest.mark.parametrize("environment", ["feature1", "feature2"])
def test_a_task_is_told_its_environment(told: Told, environment: str) -> None:
    seen = told.seen[own(environment, "colours"), "a", "look"]

    assert seen["environment"] == environment
    assert seen["commit"] == COMMITS[environment]
    assert seen["schema"] == f"db_attribution_{environment}"


@pytest.mark.parametrize("environment", ["feature1", "feature2", "feature3"])
def test_an_environments_dags_are_active_and_not_paused(told: Told, environment: str) -> None:
    assert {name: told.listed[own(environment, name)]["is_paused"] for name in NAMES} == dict.fromkeys(NAMES, False)


def test_a_trigger_and_a_sensor_reach_the_environments_own_dag_of_another_module(told: Told) -> None:
    assert told.orchestrated["trigger_shop_report"] == "success"
    assert told.orchestrated["wait_for_shop_report"] == "success"
    assert [facts["colour"] for facts in told.noted(own("feature1", "report"), "write")] == ["blue"]


def test_a_trigger_leaves_the_dag_of_that_id_alone_that_the_server_and_another_environment_have(told: Told) -> None:
    assert told.run_ids("shop.report") == []
    assert told.run_ids(own("feature2", "report")) == []


def test_a_trigger_and_a_sensor_reach_the_servers_dag_that_the_environment_has_not(told: Told) -> None:
    assert told.orchestrated["trigger_shop_archive"] == "success"
    assert told.orchestrated["wait_for_shop_archive"] == "success"
    assert [facts["colour"] for facts in told.noted("shop.archive", "keep")] == ["plain"]


def test_an_asset_wakes_the_consumer_of_its_own_environment(told: Told) -> None:
    [seen] = told.noted(own("feature1", "consume"), "follow")

    assert seen == {"colour": "blue", "sources": [own("feature1", "produce")]}


def test_an_asset_of_an_environment_wakes_no_consumer_of_another_one(told: Told) -> None:
    assert told.run_ids(own("feature2", "consume")) == []


def test_an_asset_of_the_server_wakes_the_servers_consumer_and_one_of_an_environment_does_not(told: Told) -> None:
    assert told.noted("shop.consume", "follow") == [{"colour": "plain", "sources": ["shop.produce"]}]


def test_an_import_error_is_shown_for_its_module_with_its_line(told: Told) -> None:
    [error] = {(error["filename"], error["stack_trace"]) for error in told.import_errors}
    file, trace = error

    assert file.endswith("feature2.zip/dag__shop__broken.py")
    assert f'{told.dags_folder}/feature2/shop/broken.py", line 5' in trace
    assert "No module named 'a_module_that_nobody_has'" in trace


def test_dags_run_beside_an_import_error(told: Told) -> None:
    assert _states(told, own("feature2", "colours")) == {"a": "success"}


def test_setup_teardown_mapped_tasks_and_xcoms_work(told: Told) -> None:
    flow = own("feature1", "flow")

    assert _states(told, flow) == {"a": "success"}
    assert told.seen[flow, "a", "open_desk"] == {"colour": "blue"}
    assert told.seen[flow, "a", "total"] == {"doubled": [14, 16, 18], "colour": "blue"}
    assert told.seen[flow, "a", "close_desk"] == {"desk": {"numbers": [7, 8, 9]}, "colour": "blue"}


@pytest.mark.parametrize("callback", ["task_succeeded", "task_failed"])
def test_a_callback_runs_with_what_it_imports_only_then(told: Told, callback: str) -> None:
    """Those of tasks: a DAG's own is lost in zips at times, as Airflow forgets it when it looks at the folder."""
    seen = told.seen[own("feature1", "callbacks"), "a", callback]

    assert seen == {
        "late": "blue",
        "file": str(told.dags_folder / "feature1" / "utils" / "late.py"),
        "dag_id": own("feature1", "callbacks"),
    }


def test_a_running_task_keeps_the_modules_of_its_commit_when_the_next_one_is_deployed(told: Told) -> None:
    long = own("feature1", "long")

    assert _states(told, long) == {"a": "success"}
    assert told.seen[long, "a", "started"]["colour"] == "blue"
    assert told.seen[long, "a", "went_on"]["colour"] == "blue"
    assert told.seen[long, "a", "went_on"]["late"] == "blue"


def test_a_file_that_a_running_task_opens_after_the_next_deploy_is_whole(told: Told) -> None:
    """Whose it is, is not promised: the copy is brought up to date in place, and the task knows only its path."""
    assert told.seen[own("feature1", "long"), "a", "went_on"]["note"] in {"blue", "indigo"}


def test_a_task_that_starts_after_the_deploy_is_of_the_next_commit(told: Told) -> None:
    assert told.seen[own("feature1", "long"), "a", "after"] == {"colour": "indigo"}


def test_a_task_that_starts_between_copy_and_zip_is_of_the_zips_commit_in_all_that_it_sees(told: Told) -> None:
    before, between = told.seen[COLOURS, "a", "look"], told.seen[COLOURS, "between", "look"]

    assert between["note"] == "blue"
    assert {**between, "file": "", "colour_file": ""} == {**before, "file": "", "colour_file": ""}


def test_a_new_run_is_of_the_next_commit_in_all_that_it_sees(told: Told) -> None:
    seen = told.seen[COLOURS, "b", "look"]

    assert (seen["colour"], seen["note"], seen["commit"]) == ("indigo", "indigo", COMMITS["feature1_next"])
    assert seen["sql"].startswith("SELECT 'indigo' FROM db_attribution_feature1.m_events")
    assert seen["file"] == str(told.dags_folder / "feature1" / "shop" / "colours.py")


def test_a_task_runs_on_a_worker_that_the_copy_has_not_reached(told: Told) -> None:
    arrived, missing = told.seen[COLOURS, "b", "look"], told.seen[COLOURS, "without_copy", "look"]

    assert not missing["file"].startswith(str(told.dags_folder))
    assert {**missing, "file": "", "colour_file": ""} == {**arrived, "file": "", "colour_file": ""}


def test_airflow_3_makes_one_version_of_a_dag_per_commit_wherever_its_files_lay(told: Told) -> None:
    assert told.versions == (2 if told.airflow.line == "3" else 0)


def test_nothing_is_scheduled_by_itself_in_a_preview(told: Told) -> None:
    started = {name: told.run_ids(own("feature3", name)) for name in NAMES}

    assert {name: sorted(ids) for name, ids in started.items() if ids} == {"colours": ["first", "second"]}


@pytest.mark.parametrize("environment", ["feature1", "feature2"])
def test_a_preview_that_asks_for_schedules_does_not_catch_up(told: Told, environment: str) -> None:
    assert len(told.runs[own(environment, "nightly")]) == 1


def test_runs_of_a_dag_in_a_preview_come_one_after_the_other(told: Told) -> None:
    first, second = sorted(told.runs[own("feature3", "colours")], key=lambda run: run["start_date"])

    assert {first["state"], second["state"]} == {"success"}
    assert datetime.fromisoformat(second["start_date"]) >= datetime.fromisoformat(first["end_date"])


def _states(told: Told, dag_id: str) -> dict[str, str]:
    return {run["dag_run_id"]: run["state"] for run in told.runs[dag_id]}
