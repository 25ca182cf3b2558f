from __future__ import annotations

from collections.abc import Collection

import pytest

from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.selection import Selection, asks_for_changes, select_modules
from dagbranch.domain.specification import PipelineFile
from dagbranch.errors import InvalidPipelineError

CHANGED = "select: changed\n"


def pipelines(text: str = "") -> PipelineFile:
    return parse_pipeline_file(b"version: 1\n" + text.encode())


def dag(dag_id: str, more: str = "") -> bytes:
    return f"from airflow import DAG\n\nwith DAG({dag_id!r}):\n    {more or 'pass'}\n".encode()


def repository(count: int) -> dict[str, bytes]:
    return {f"dags/qu/dag_{number:02}.py": dag(f"qu.dag_{number}") for number in range(count)}


def select(
    files: dict[str, bytes], changed: Collection[str] | None, settings: str = CHANGED, lane: str = "preview"
) -> Selection:
    return select_modules(pipelines(settings), lane, files, changed)


def shown(files: dict[str, bytes], *changed: str, settings: str = CHANGED) -> set[str]:
    return set(select(files, changed, settings).shown)


# Which kind of selection


def test_up_to_twenty_modules_are_all_shown_and_of_more_those_that_changed() -> None:
    twenty, more = repository(20), repository(21)

    assert select(twenty, ["dags/qu/dag_00.py"], settings="").selected is None
    assert select(more, ["dags/qu/dag_00.py"], settings="").selected == ("qu/dag_00.py",)
    assert select(more, ["dags/qu/dag_00.py"], settings="select: all\n").selected is None
    assert select(twenty, ["dags/qu/dag_00.py"]).selected == ("qu/dag_00.py",)


def test_changes_are_asked_for_only_where_the_selection_wants_them() -> None:
    assert not asks_for_changes(pipelines(), "preview", repository(20))
    assert asks_for_changes(pipelines(), "preview", repository(21))
    assert asks_for_changes(pipelines(CHANGED), "preview", repository(1))
    assert not asks_for_changes(pipelines("select: all\n"), "preview", repository(21))
    assert not asks_for_changes(pipelines("select: [qu/*]\n"), "preview", repository(21))
    assert not asks_for_changes(pipelines(CHANGED), "prod", repository(21))


@pytest.mark.parametrize("lane", ["stage", "prod"])
def test_release_lanes_show_all(lane: str) -> None:
    for settings in (CHANGED, "select: [qu/dag_00.py]\n", "select: [missing.py]\n"):
        assert select(repository(2), [], settings, lane).selected is None


def test_names_and_patterns_are_paths_within_the_dags_folder() -> None:
    files = {"dags/a.py": dag("a"), "dags/qu/b.py": dag("b"), "dags/qu/deep/c.py": dag("c")}

    assert shown(files, settings="select: [a.py, ./qu/b.py]\n") == {"a.py", "qu/b.py"}
    assert shown(files, settings="select: ['qu/*']\n") == {"qu/b.py", "qu/deep/c.py"}
    assert shown(files, settings="select: ['*/c.py']\n") == {"qu/deep/c.py"}
    assert select(files, None, "select: ['*']\n").selected is None


def test_changed_may_stand_among_names() -> None:
    files = repository(3)

    assert shown(files, "dags/qu/dag_02.py", settings="select: [changed, qu/dag_00.py]\n") == {
        "qu/dag_00.py",
        "qu/dag_02.py",
    }


def test_every_name_without_a_module_is_told_with_what_was_meant() -> None:
    with pytest.raises(InvalidPipelineError) as error:
        select(repository(2), None, "select: [qu/dag_0.py, qu/dag_01.py, 'x/*', dags/qu/dag_00.py]\n")

    assert "dagbranch.yaml: select" in str(error.value)
    assert "'qu/dag_0.py' (is it qu/dag_0" in str(error.value)
    assert "'x/*'" in str(error.value)
    assert "'dags/qu/dag_00.py' (is it qu/dag_00.py?)" in str(error.value)


# What touches everything


def test_changes_that_nobody_knows_touch_everything() -> None:
    assert select(repository(3), None).selected is None


@pytest.mark.parametrize(
    "path", ["dagbranch.yaml", "deps/requirements.txt", "dags/.airflowignore", "dags/qu/.airflowignore"]
)
def test_what_rules_all_dags_touches_all_of_them(path: str) -> None:
    assert select(repository(3), [path], CHANGED + "requirements: deps/requirements.txt\n").selected is None


def test_where_all_are_touched_the_selection_is_that_of_all() -> None:
    files = repository(3)

    assert select(files, list(files)).fingerprint == select(files, None).fingerprint == "all"
    assert select(files, list(files)[:1]).fingerprint != select(files, list(files)[:2]).fingerprint


# What is touched


def test_only_what_lies_in_the_dags_folder_can_touch_its_modules() -> None:
    files = {**repository(2), "README.md": b"", "spark/dag_00.py": b""}

    assert shown(files, "README.md", "spark/dag_00.py", "dags/qu/dag_01.py") == {"qu/dag_01.py"}


def test_the_whole_repository_may_be_the_dags_folder() -> None:
    files = {"a.py": dag("a"), "qu/b.py": dag("b", "import helper"), "helper.py": b""}

    assert shown(files, "helper.py", settings="dags: .\nselect: changed\n") == {"qu/b.py"}


def test_a_deleted_module_touches_who_imported_it() -> None:
    files = {"dags/a.py": dag("a", "import gone"), "dags/b.py": dag("b")}

    assert shown(files, "dags/gone.py") == {"a.py"}


def test_changed_job_code_touches_the_dags_that_ask_for_it() -> None:
    files = {
        "dags/a.py": dag("a", "artifact('jobs')"),
        "dags/b.py": dag("b", "artifact('models')"),
        "spark/jobs/roi.py": b"",
    }

    assert shown(files, "spark/jobs/roi.py", settings=CHANGED + "artifacts: {jobs: spark/jobs, models: ml}\n") == {
        "a.py"
    }


# The DAGs that are triggered or waited for


REFERENCES = [
    "TriggerDagRunOperator(task_id='t', trigger_dag_id='qu.target')",
    "ExternalTaskSensor(task_id='t', external_dag_id='qu.target')",
    "TriggerDagRunOperator.partial(task_id='t').expand(trigger_dag_id=['qu.target'])",
    "TriggerDagRunOperator.partial(task_id='t').expand_kwargs([{'trigger_dag_id': 'qu.target'}])",
    "TriggerDagRunOperator(task_id='t', trigger_dag_id='qu.' + 'target')",
    "TriggerDagRunOperator(task_id='t', trigger_dag_id=TARGET)",
]


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize(
    "target",
    [
        b"from airflow import DAG\nDAG('qu.target')\n",
        b"from airflow import DAG\nTEAM = 'qu'\nwith DAG(dag_id=f'{TEAM}.target'): pass\n",
        b"from airflow import DAG\nNAME = 'qu.target'\nDAG(NAME)\n",
        b"from airflow.decorators import dag\n@dag('qu.target')\ndef x(): ...\n",
        b"from factory import make_dag # airflow\nmake_dag('qu.target')\n",
    ],
)
def test_a_dag_that_is_triggered_or_waited_for_is_shown_too(reference: str, target: bytes) -> None:
    files = {
        "dags/a.py": b"TARGET = 'qu.target'\n" + dag("qu.a", reference),
        "dags/target.py": target,
        "dags/other.py": dag("qu.other"),
    }

    assert shown(files, "dags/a.py") == {"a.py", "target.py"}


def test_a_dag_without_an_id_is_called_like_its_function() -> None:
    files = {
        "dags/a.py": dag("qu.a", "TriggerDagRunOperator(trigger_dag_id='refresh')"),
        "dags/b.py": b"from airflow.decorators import dag\n@dag(schedule=None)\ndef refresh(): ...\n",
        "dags/c.py": b"from airflow.decorators import dag\n@dag\ndef other(): ...\n",
    }

    assert shown(files, "dags/a.py") == {"a.py", "b.py"}


def test_references_are_followed_over_any_number_of_steps_and_through_what_modules_import() -> None:
    files = {
        "dags/a.py": dag("a", "import helpers"),
        "dags/helpers.py": b"def f():\n    return TriggerDagRunOperator(trigger_dag_id='b')\n",
        "dags/b.py": dag("b", "ExternalTaskSensor(external_dag_id='c')"),
        "dags/c.py": dag("c", "ExternalTaskSensor(external_dag_id='a')"),
        "dags/d.py": dag("d", "ExternalTaskSensor(external_dag_id='a')"),
    }

    assert shown(files, "dags/a.py") == {"a.py", "b.py", "c.py"}


def test_a_reference_to_a_dag_that_is_elsewhere_shows_nothing_more() -> None:
    files = {"dags/a.py": dag("a", "ExternalTaskSensor(external_dag_id='billing.daily')"), "dags/b.py": dag("b")}

    found = select(files, ["dags/a.py"])

    assert (found.shown, found.warnings) == (("a.py",), ())


def test_a_reference_that_is_not_written_out_is_a_warning_and_any_known_id_beside_it_counts() -> None:
    files = {
        "dags/a.py": dag("a", "trigger('b')\n    import helpers"),
        "dags/helpers.py": b"def trigger(dag_id):\n    return TriggerDagRunOperator(trigger_dag_id=dag_id)\n",
        "dags/b.py": dag("b"),
        "dags/c.py": dag("c"),
    }

    found = select(files, ["dags/a.py"])

    assert found.shown == ("a.py", "b.py")
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("dags/helpers.py:2: the DAG that is triggered or waited for is not written out")


# Nothing to see


@pytest.mark.parametrize("changed", [[], ["README.md"], ["dags/notes.md"], ["dags/sensors.py"]])
def test_where_no_dag_is_touched_none_is_waited_for_and_the_author_is_told(changed: list[str]) -> None:
    sensors = (
        b"from airflow.sensors.base import BaseSensorOperator\n\nclass Late(BaseSensorOperator): ... # for a dag\n"
    )
    files = {**repository(3), "dags/sensors.py": sensors}

    found = select(files, changed)

    assert not found.may_have_dags
    assert "touches no DAG" in found.in_words
    assert set(found.shown) <= {"sensors.py"}


@pytest.mark.parametrize(
    "source",
    [
        dag("a"),
        b"from airflow.decorators import dag\n@dag\ndef x(): ...\nx()\n",
        b"from airflow.sdk import asset\n@asset(schedule=None)\ndef x(): ...\n",
        b"from factory import make_dag # airflow\nmake_dag()\n",
        b"from airflow import DAG\nclass Own(DAG): ...\nOwn('x')\n",
        b"# airflow dag\nfrom factory import build\nbuild()\n",
        b"# airflow dag\ndef broken(:\n",
    ],
)
def test_what_could_make_a_dag_is_waited_for(source: bytes) -> None:
    factory = b"from airflow import DAG\ndef build():\n    return DAG('x')\nmake_dag = build\n"
    files = {"dags/a.py": source, "dags/b.py": dag("b"), "dags/factory.py": factory}

    found = select(files, ["dags/a.py"])

    assert found.may_have_dags
    assert found.in_words == ""
