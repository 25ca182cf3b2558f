"""Assets, references, ids, subdags and the lane's limits in packaged DAGs, in the real loader of each Airflow line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from dagbranch.domain.packaging import read_manifest, source_path_of
from local.toolchain import ROOT, python_of
from tests.integration.airflow_server import Server, files_below

DATA = ROOT / "tests" / "data" / "references"
ORDERS = "s3://shop/orders?dagbranch=feature1"
LATE = "s3://shop/late?dagbranch=feature1"


@dataclass(frozen=True)
class Seen:
    """What the processes of one Airflow line told, by the name of the step."""

    line: str
    server: Server
    answers: Mapping[str, Any]

    def dag(self, dag_id: str, step: str = "feature1") -> dict[str, Any]:
        dag: dict[str, Any] = self.answers[step]["dags"][dag_id]
        return dag

    def task(self, dag_id: str, task_id: str, step: str = "feature1") -> dict[str, Any]:
        task: dict[str, Any] = self.dag(dag_id, step)["tasks"][task_id]
        return task

    def serialized(self, dag_id: str, task_id: str) -> str:
        text: str = self.dag(dag_id)["serialized_tasks"][task_id]
        return text

    def assets(self, dag_id: str, step: str = "feature1") -> str:
        """What starts a DAG, as it is serialized: each version of Airflow has its own form of it."""
        text: str = self.dag(dag_id, step)["starts"]
        return text


@pytest.fixture(scope="module", params=["airflow-2", "airflow-3"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    server = Server(python_of(request.param), tmp_path_factory.mktemp("server"), DATA / "observe.py")
    (server.home / "tmp").mkdir()
    steps = _story(server, request.param)
    return Seen(request.param, server, dict(zip(steps, server.run(list(steps.values())), strict=True)))


def _story(server: Server, line: str) -> dict[str, dict[str, Any]]:
    files = files_below(DATA / "pipelines") | files_below(DATA / line.replace("airflow-", "only_"))
    limits: dict[str, Any] = {"pool": "previews_{environment}", "retries": 0, "max_active_tasks": 4}
    server.deploy("feature1", files, shared_assets=["s3://lake/*"], **limits)
    server.deploy("scheduled", files, schedules=True)
    server.deploy("generous", files, schedules=True, catchup=True, emails=True, max_active_runs=5)
    server.deploy("written", files, as_written=True, retries=0, pool="p", max_active_runs=1)
    server.deploy("prod_pipelines", files, lane="prod")
    server.deploy("careful", files, lane="prod", as_written=False, schedules=True, retries=1, pool="nightly")

    def task(dag_id: str, task_id: str) -> dict[str, Any]:
        return {"task": [str(server.zip_of("feature1")), dag_id, task_id]}

    environments = ("feature1", "scheduled", "generous", "written", "prod_pipelines", "careful")
    steps: dict[str, dict[str, Any]] = {name: {"load": str(server.zip_of(name))} for name in environments}
    steps["makes"] = task("shop.feature1.produce", "makes")
    if line == "airflow-2":
        return {**steps, "texts": task("shop.feature1.texts", "makes")}
    return {**steps, "refined": task("feature1.refined", "refined")}


in_airflow_2 = pytest.mark.parametrize("seen", ["airflow-2"], indirect=True, scope="module")
in_airflow_3 = pytest.mark.parametrize("seen", ["airflow-3"], indirect=True, scope="module")


class TestAssets:
    def test_those_that_tasks_make_and_read_are_the_environments_own(self, seen: Seen) -> None:
        plain = seen.task("shop.feature1.produce", "plain")

        assert [uri for _, uri, _ in plain["outlets"]] == [ORDERS]
        assert [uri for _, uri, _ in plain["inlets"]] == ["costs@feature1", "s3://lake/raw"]
        assert seen.task("shop.feature1.produce", "mapped")["outlets"][0][1] == "costs@feature1"
        assert seen.task("shop.feature1.produce", "says")["bash_command"] == f"echo {ORDERS}"

    def test_they_are_serialized_under_their_own_names(self, seen: Seen) -> None:
        assert ORDERS in seen.serialized("shop.feature1.produce", "plain")
        assert "costs@feature1" in seen.serialized("shop.feature1.produce", "mapped")

    @pytest.mark.parametrize(
        ("name", "wanted"),
        [
            ("one", [ORDERS]),
            ("listed", [ORDERS, "costs@feature1"]),
            ("condition", [ORDERS, "costs@feature1", "late@feature1"]),
            ("shared", ["s3://lake/raw"]),
        ],
    )
    def test_those_that_start_a_dag_are_the_environments_own(self, seen: Seen, name: str, wanted: list[str]) -> None:
        condition = seen.assets(f"shop.feature1.{name}")

        assert all(f'"{uri}"' in condition for uri in wanted)
        assert not any(f'"{uri}"' in condition for uri in ("s3://shop/orders", "costs", "late"))

    def test_those_that_a_task_makes_when_it_runs_are_the_environments_own(self, seen: Seen) -> None:
        made = seen.answers["makes"]

        assert made["keys"] == ["late@feature1", ORDERS]
        assert made["events"] == [f"late@feature1 -> {LATE}", f"late@feature1 -> {ORDERS}"]
        assert (made["returned"], made["alias"]) == ("costs@feature1", "late@feature1")

    def test_those_that_airflow_itself_makes_in_a_tasks_process_are_left_alone(self, seen: Seen) -> None:
        assert seen.answers["makes"]["made_by_airflow"] == "s3://others/x"

    @in_airflow_2
    def test_text_that_airflow_2_takes_for_a_dataset_is_one_of_the_environments_own(self, seen: Seen) -> None:
        made = seen.answers["texts"]

        assert made["keys"] == ["late@feature1", ORDERS]
        assert made["events"] == [f"late@feature1 -> {LATE}"]
        assert made["returned"] == "0 events"

    def test_a_release_lane_keeps_them_as_they_are(self, seen: Seen) -> None:
        assert [uri for _, uri, _ in seen.task("shop.produce", "plain", "prod_pipelines")["outlets"]] == [
            "s3://shop/orders"
        ]

    def test_an_environment_as_written_has_its_own_all_the_same(self, seen: Seen) -> None:
        assert "dagbranch=written" in seen.assets("shop.written.one", "written")

    @in_airflow_3
    def test_functions_have_dags_with_ids_and_assets_with_names_of_the_environment(self, seen: Seen) -> None:
        assert seen.task("feature1.refined", "refined")["outlets"] == [["refined@feature1", "refined@feature1", 0]]
        assert seen.task("feature1.refined", "refined")["inlets"][0][0] == "costs@feature1"
        assert seen.task("shop.feature1.totals", "totals")["outlets"][0][:2] == [
            "shop.totals@feature1",
            "s3://shop/totals?dagbranch=feature1",
        ]
        assert seen.task("shop.feature1.called", "called")["outlets"][0][0] == "called@feature1"
        assert "refined@feature1" in seen.assets("shop.feature1.totals")
        assert seen.dag("feature1.refined")["live"]["dag_display_name"] == "feature1.refined"

    @in_airflow_3
    def test_a_function_of_several_assets_has_them_all_of_the_environment(self, seen: Seen) -> None:
        assert "s3://shop/a?dagbranch=feature1" in seen.serialized("feature1.both", "both")
        assert "refined@feature1" in seen.assets("feature1.both")

    @in_airflow_3
    def test_a_function_gets_the_environments_own_assets(self, seen: Seen) -> None:
        assert seen.answers["refined"]["asked"] == ["refined@feature1", "costs@feature1"]
        assert seen.answers["refined"]["returned"] == "refined@feature1 costs@feature1"

    @in_airflow_3
    def test_references_by_name_and_by_uri_are_to_the_environments_own(self, seen: Seen) -> None:
        condition = seen.assets("shop.feature1.referring")

        assert '"refined@feature1"' in condition
        assert '"s3://shop/totals?dagbranch=feature1"' in condition
        assert seen.task("shop.feature1.referring", "starts")["trigger_dag_id"] == "feature1.refined"

    @in_airflow_3
    def test_watchers_are_there_where_schedules_are(self, seen: Seen) -> None:
        assert "watched@feature1" in seen.assets("shop.feature1.watching")
        assert "FileDeleteTrigger" not in seen.assets("shop.feature1.watching")
        assert "FileDeleteTrigger" in seen.assets("shop.scheduled.watching", "scheduled")


class TestReferences:
    @pytest.mark.parametrize(
        ("task_id", "attribute", "value"),
        [
            ("own", "trigger_dag_id", "shop.feature1.produce"),
            ("foreign", "trigger_dag_id", "ops.archive"),
            ("templated", "trigger_dag_id", "{{ params.which }}"),
            ("waits", "external_dag_id", "shop.feature1.produce"),
            ("marks", "external_dag_id", "shop.feature1.produce"),
            ("follows", "trigger_dag_id", "shop.feature1.produce"),
            ("computed", "external_dag_id", "shop.produce"),
            ("elsewhere", "trigger_dag_id", "shop.produce"),
            ("partial", "trigger_dag_id", "shop.feature1.produce"),
            ("waits_partial", "external_dag_id", "shop.feature1.produce"),
        ],
    )
    def test_they_are_to_the_environments_own_dags(self, seen: Seen, task_id: str, attribute: str, value: str) -> None:
        assert seen.task("shop.feature1.refers", task_id)[attribute] == value

    def test_those_of_mapped_tasks_are_too(self, seen: Seen) -> None:
        assert seen.task("shop.feature1.refers", "expanded")["expanded"] == {
            "trigger_dag_id": ["shop.feature1.produce", "ops.archive"]
        }
        assert seen.task("shop.feature1.refers", "by_kwargs")["expanded"] == [
            {"trigger_dag_id": "shop.feature1.produce"}
        ]

    def test_airflow_draws_the_dependencies_between_the_environments_dags(self, seen: Seen) -> None:
        dependencies = seen.dag("shop.feature1.refers")["dependencies"]

        assert ["shop.feature1.refers", "shop.feature1.produce", "trigger"] in dependencies
        assert ["shop.feature1.produce", "shop.feature1.refers", "sensor"] in dependencies
        assert ["shop.feature1.refers", "ops.archive", "trigger"] in dependencies
        assert ["shop.feature1.refers", "shop.produce", "trigger"] not in dependencies

    def test_what_cannot_be_pointed_to_is_told_once_by_name(self, seen: Seen) -> None:
        from_xcom = "{{ task_instance.xcom_pull(task_ids='ids', dag_id='shop.feature1.refers', key='return_value') }}"

        assert sorted(text.rpartition(":")[0] for text in seen.answers["feature1"]["warnings"]) == [
            "shop.feature1.refers.computed: external_dag_id='shop.produce' is a property",
            f"shop.feature1.refers.from_xcom: trigger_dag_id={from_xcom!r} cannot be known before it runs",
            "shop.feature1.refers.templated: trigger_dag_id='{{ params.which }}' cannot be known before it runs",
        ]

    def test_a_tasks_log_is_not_told(self, seen: Seen) -> None:
        assert seen.answers["makes"]["warnings"] == []


class TestRunning:
    def test_a_preview_runs_on_no_schedule_without_backlog_and_one_run_at_a_time(self, seen: Seen) -> None:
        dag = seen.dag("shop.feature1.runs")

        assert dag["timetable"] == "NullTimetable"
        assert dag["live"] | {"catchup": False, "max_active_runs": 1, "max_active_tasks": 4} == dag["live"]
        assert dag["serialized"]["max_active_runs"] == 1
        assert dag["serialized"]["max_active_tasks"] == 4
        assert not dag["serialized"]["catchup"]

    def test_code_reads_what_holds(self, seen: Seen) -> None:
        assert seen.task("shop.feature1.runs", "says")["bash_command"] == "echo False 1 4 0"
        assert seen.task("shop.written.runs", "says", "written")["bash_command"] == "echo True 7 9 5"

    @pytest.mark.parametrize("task_id", ["says", "own", "mapped", "taskflow"])
    def test_every_task_has_the_lanes_pool_and_retries_and_no_mail(self, seen: Seen, task_id: str) -> None:
        task = seen.task("shop.feature1.runs", task_id)
        serialized = seen.serialized("shop.feature1.runs", task_id)

        assert (task["pool"], task["retries"], task["email"]) == ("previews_feature1", 0, None)
        assert '"previews_feature1"' in serialized
        assert "@example.com" not in serialized

    def test_notifiers_that_send_mail_are_left_out_and_others_stay(self, seen: Seen) -> None:
        dag, own = seen.dag("shop.feature1.runs"), seen.task("shop.feature1.runs", "own")

        assert dag["callbacks"] == {"on_failure_callback": ["call_back"], "on_success_callback": []}
        assert dag["has_callbacks"] == [True, False]
        assert (own["on_failure_callback"], own["on_retry_callback"]) == (["call_back"], [])
        assert seen.task("shop.feature1.runs", "mapped")["on_failure_callback"] == []

    def test_a_limit_of_the_codes_own_stays_where_it_is_the_lower_one(self, seen: Seen) -> None:
        live = seen.dag("shop.feature1.one_at_a_time")["live"]

        assert (live["max_active_runs"], live["max_active_tasks"]) == (1, 2)

    def test_assets_go_on_starting_dags_and_time_does_not(self, seen: Seen) -> None:
        assert seen.dag("shop.feature1.one")["timetable"] in {"DatasetTriggeredTimetable", "AssetTriggeredTimetable"}
        assert seen.dag("shop.feature1.timed")["timetable"] == seen.dag("shop.feature1.one")["timetable"]
        assert ORDERS in seen.assets("shop.feature1.timed")
        assert seen.dag("shop.feature1.daily")["timetable"] == "NullTimetable"

    def test_schedules_that_were_asked_for_have_no_backlog(self, seen: Seen) -> None:
        timed = seen.dag("shop.scheduled.timed", "scheduled")

        assert timed["timetable"] in {"DatasetOrTimeSchedule", "AssetOrTimeSchedule"}
        assert timed["live"]["catchup"] is False
        assert seen.dag("shop.scheduled.runs", "scheduled")["timetable"].startswith("Cron")

    def test_a_preview_may_ask_for_more(self, seen: Seen) -> None:
        live = seen.dag("shop.generous.runs", "generous")["live"]

        assert (live["catchup"], live["max_active_runs"]) == (True, 5)
        assert "me@example.com" in str(seen.task("shop.generous.runs", "own", "generous")["email"])

    @pytest.mark.parametrize(("step", "dag_id"), [("written", "shop.written.runs"), ("prod_pipelines", "shop.runs")])
    def test_as_written_nothing_is_changed(self, seen: Seen, step: str, dag_id: str) -> None:
        dag, own = seen.dag(dag_id, step), seen.task(dag_id, "own", step)

        assert dag["live"] | {"catchup": True, "max_active_runs": 7, "is_paused_upon_creation": None} == dag["live"]
        assert (own["pool"], own["retries"], own["email"]) == ("small", 2, "me@example.com")
        assert dag["callbacks"]["on_success_callback"] == ["SmtpNotifier"]

    def test_a_release_lane_that_asks_for_it_has_just_what_it_asks_for(self, seen: Seen) -> None:
        dag, own = seen.dag("shop.runs", "careful"), seen.task("shop.runs", "own", "careful")

        assert dag["timetable"].startswith("Cron")
        assert (dag["live"]["catchup"], dag["live"]["max_active_runs"]) == (True, 7)
        assert dag["live"]["is_paused_upon_creation"] is None
        assert (own["pool"], own["retries"], own["email"]) == ("nightly", 1, "me@example.com")


class TestIds:
    @pytest.mark.parametrize(
        "dag_id",
        [
            "shop.feature1.positional",
            "shop.feature1.by_name",
            "shop.feature1.decorated",
            "shop.feature1.subclass",
            "shop.feature1.made_1",
            "shop.feature1.made_2",
            "shop.feature1.several.dots.here",
            "shop.feature1.feature1.alike",
            "shop.feature1.whole",
        ],
    )
    def test_every_way_to_name_a_dag_gives_it_the_environments_id(self, seen: Seen, dag_id: str) -> None:
        assert {"feature1", "commit:0123456"} <= set(seen.dag(dag_id)["tags"])

    def test_tags_may_be_none_a_list_or_a_set(self, seen: Seen) -> None:
        added = {"feature1", "commit:0123456", "import-errors"}

        assert set(seen.dag("shop.feature1.positional")["tags"]) == added
        assert set(seen.dag("shop.feature1.by_name")["tags"]) == {"a", "b", *added}
        assert set(seen.dag("shop.feature1.decorated")["tags"]) == {"a", *added}

    def test_a_name_to_display_is_its_authors(self, seen: Seen) -> None:
        assert seen.dag("shop.feature1.shown")["live"]["dag_display_name"] == "Shown as this"
        assert seen.dag("shop.feature1.by_name")["live"]["dag_display_name"] == "shop.feature1.by_name"

    def test_what_airflow_refuses_it_refuses_in_its_own_words(self, seen: Seen) -> None:
        manifest = read_manifest(seen.server.zip_of("feature1").read_bytes())
        errors = {source_path_of(stub, manifest): text for stub, text in seen.answers["feature1"]["errors"].items()}

        assert sorted(filter(None, errors)) == ["shop/long_tag.py", "shop/odd_id.py"]
        assert "tag cannot be longer than 100 characters" in errors["shop/long_tag.py"]
        assert "shop.feature1.odd id" in errors["shop/odd_id.py"]
        assert "alphanumeric" in errors["shop/odd_id.py"]


class TestSubDags:
    @in_airflow_2
    def test_children_are_called_after_their_parents(self, seen: Seen) -> None:
        assert seen.dag("shop.feature1.parent")["subdags"] == [
            "shop.feature1.parent.by_name",
            "shop.feature1.parent.by_object",
            "shop.feature1.parent.outer",
            "shop.feature1.parent.outer.inner",
        ]
        assert seen.dag("shop.feature1.later")["subdags"] == ["shop.feature1.later.given"]

    @in_airflow_2
    def test_airflow_finds_the_children(self, seen: Seen) -> None:
        assert {
            dag_id for dag_id in seen.answers["feature1"]["dags"] if dag_id.startswith("shop.feature1.parent.")
        } == {
            "shop.feature1.parent.by_name",
            "shop.feature1.parent.by_object",
            "shop.feature1.parent.outer",
            "shop.feature1.parent.outer.inner",
        }

    @in_airflow_2
    def test_references_lead_from_children_to_the_environments_dags(self, seen: Seen) -> None:
        inner = seen.task("shop.feature1.parent.outer.inner", "triggers")

        assert (inner["trigger_dag_id"], inner["pool"]) == ("shop.feature1.produce", "previews_feature1")

    @in_airflow_2
    def test_as_written_they_are_called_as_the_code_says(self, seen: Seen) -> None:
        assert "shop.parent.outer.inner" in seen.dag("shop.parent", "prod_pipelines")["subdags"]
