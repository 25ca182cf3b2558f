from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.domain.environments import Status
from dagbranch.domain.requests import EventKind
from dagbranch.errors import NotYetError, SupersededError, TransientUpstreamError
from tests.fakes.examples import DAG, FILES, FILES_WITH_DATA, FIRST, SECOND, an_environment
from tests.fakes.github import Commit
from tests.fakes.world import World


@pytest.fixture
def deployed(world: World) -> World:
    world.deploy(FILES_WITH_DATA)
    world.airflow.defines["feature1"] = ("test_dag", "test_dag_2")
    world.bus.published.clear()
    return world


def ids(world: World) -> set[str]:
    return set(world.airflow.rows)


def test_where_the_other_half_is_missing_nothing_is_concluded(world: World) -> None:
    world.registry.claim(an_environment(name=None, revision=0), ["feature1"], event="")
    world.package(world.upload(FILES))
    world.bus.published.clear()

    world.verify()

    assert world.environment.status == Status.DEPLOYING
    assert not world.bus.published


def test_until_airflow_lists_this_commit_the_question_comes_again(deployed: World) -> None:
    with pytest.raises(NotYetError):
        deployed.verify()

    assert deployed.environment.status == Status.DEPLOYING


def test_listed_at_this_commit_is_ready(deployed: World) -> None:
    deployed.clock.forward(20)
    deployed.airflow.parse(deployed.clock())

    deployed.verify()

    assert deployed.environment.status == Status.READY
    assert deployed.environment.dag_ids == ("qu.feature1.test_dag", "qu.feature1.test_dag_2")
    ((kind, detail),) = deployed.bus.published
    assert kind == "Ready"
    assert detail["data"]["dag_ids"] == ["qu.feature1.test_dag", "qu.feature1.test_dag_2"]
    assert deployed.telemetry.timed["RequestToReady"] == 20


def test_what_is_ready_is_told_with_its_modules_its_pages_and_the_time_that_it_took(deployed: World) -> None:
    deployed.airflow.stubs["test_dag"] = "dag__qu__main__test_dag.py"
    deployed.clock.forward(20)
    deployed.airflow.parse(deployed.clock())

    deployed.verify()
    deployed.clock.forward(60)
    deployed.airflow.defines["feature1"] = ("test_dag",)
    deployed.verify(kind=EventKind.VERIFICATION_REQUESTED, at=deployed.clock())

    environment = deployed.environment
    assert environment.overview.modules == {"qu.feature1.test_dag": "dags/qu/main/test_dag.py"}
    assert environment.pages == AirflowPages("https://airflow.example.com", "3.0.6")
    assert environment.ready_at == environment.requested_at + timedelta(seconds=20)


def test_what_cannot_be_imported_is_told_with_the_modules_of_those_that_are_listed(deployed: World) -> None:
    deployed.airflow.stubs["test_dag"] = "dag__qu__main__test_dag.py"
    deployed.airflow.broken["feature1"] = {"dag__new.py": "SyntaxError: invalid syntax"}
    deployed.clock.forward(20)
    deployed.airflow.parse(deployed.clock())

    deployed.verify()

    assert deployed.environment.status == Status.FAILED
    assert deployed.environment.overview.modules == {"qu.feature1.test_dag": "dags/qu/main/test_dag.py"}
    assert deployed.environment.pages is not None
    assert deployed.environment.ready_at is None


def test_a_server_without_an_address_is_no_fault(deployed: World) -> None:
    deployed.airflow.found_at = None
    deployed.clock.forward(20)
    deployed.airflow.parse(deployed.clock())

    deployed.verify()

    assert (deployed.environment.status, deployed.environment.pages) == (Status.READY, None)


def test_listed_at_the_commit_before_is_not_ready(deployed: World) -> None:
    deployed.airflow.parse(deployed.clock())
    deployed.verify()
    deployed.deploy({**FILES, "dags/new.py": DAG}, SECOND)

    with pytest.raises(NotYetError):
        deployed.verify()


def test_never_listed_is_a_failure_that_says_where_to_look(deployed: World) -> None:
    deployed.clock.forward(901)

    deployed.verify()

    assert deployed.environment.status == Status.FAILED
    assert "scan interval" in deployed.environment.message
    assert deployed.bus.kinds == ["Failed"]


def test_an_import_error_is_told_with_the_authors_own_file_and_line(deployed: World) -> None:
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/usr/local/airflow/dags/feature1.zip/_dagbranch/load.py", line 9, in load\n'
        '  File "/usr/local/airflow/dags/feature1/qu/main/test_dag.py", line 3, in <module>\n'
        "ModuleNotFoundError: No module named 'attribution'\n"
    )
    deployed.airflow.broken["feature1"] = {"dag__qu__main__test_dag.py": trace}
    deployed.clock.forward(20)
    deployed.airflow.parse(deployed.clock())

    deployed.verify()

    assert deployed.environment.status == Status.FAILED
    assert deployed.environment.message == (
        "dags/qu/main/test_dag.py:3: ModuleNotFoundError: No module named 'attribution'"
    )
    assert deployed.bus.published[-1][1]["data"]["dag_ids"] == ["qu.feature1.test_dag", "qu.feature1.test_dag_2"]


def test_an_import_error_of_another_environment_is_not_ours(deployed: World) -> None:
    deployed.dags.put_zip("feature2", b"", {"dagbranch-head-sha": FIRST}, replaces=None)
    deployed.airflow.defines["feature2"] = ("test_dag",)
    deployed.airflow.broken["feature2"] = {"dag__x.py": "SyntaxError: invalid syntax"}
    deployed.airflow.parse(deployed.clock())

    deployed.verify()

    assert deployed.environment.status == Status.READY


def test_a_dag_that_the_commit_dropped_is_deleted_at_the_second_parse_that_leaves_it_out(deployed: World) -> None:
    deployed.airflow.parse(deployed.clock())
    deployed.verify()
    deployed.clock.forward(60)
    deployed.deploy({**FILES, "dags/new.py": DAG}, SECOND)
    deployed.airflow.defines["feature1"] = ("test_dag",)
    deployed.clock.forward(30)
    deployed.airflow.parse(deployed.clock())

    for _ in range(2):
        with pytest.raises(NotYetError, match=r"still lists qu\.feature1\.test_dag_2"):
            deployed.verify()
    kept = ids(deployed)
    deployed.clock.forward(30)
    deployed.airflow.parse(deployed.clock())
    deployed.verify()

    assert kept == {"qu.feature1.test_dag", "qu.feature1.test_dag_2"}

    assert ids(deployed) == {"qu.feature1.test_dag"}
    assert deployed.environment.status == Status.READY


def test_a_dag_whose_module_is_broken_keeps_its_row_and_its_runs(deployed: World) -> None:
    deployed.airflow.parse(deployed.clock())
    deployed.verify()
    deployed.clock.forward(60)
    deployed.deploy({**FILES, "dags/new.py": DAG}, SECOND)
    deployed.airflow.defines["feature1"] = ("test_dag",)
    deployed.airflow.broken["feature1"] = {"dag__new.py": "SyntaxError: invalid syntax"}
    deployed.clock.forward(30)
    deployed.airflow.parse(deployed.clock())

    deployed.verify()

    assert ids(deployed) == {"qu.feature1.test_dag", "qu.feature1.test_dag_2"}
    assert deployed.environment.status == Status.FAILED


def test_a_dropped_dag_whose_tasks_still_run_is_waited_for(deployed: World) -> None:
    deployed.airflow.parse(deployed.clock())
    deployed.verify()
    deployed.clock.forward(60)
    deployed.deploy({**FILES, "dags/new.py": DAG}, SECOND)
    deployed.airflow.defines["feature1"] = ("test_dag",)
    deployed.airflow.running.add("qu.feature1.test_dag_2")
    deployed.airflow.parse(deployed.clock())

    with pytest.raises(NotYetError):
        deployed.verify()

    assert deployed.environment.status == Status.DEPLOYING


def test_an_event_of_an_older_request_is_superseded(deployed: World) -> None:
    with pytest.raises(SupersededError):
        deployed.verify(generation=0)


def test_the_same_event_twice_stays_ready(deployed: World) -> None:
    deployed.airflow.parse(deployed.clock())

    deployed.verify()
    deployed.verify()

    assert deployed.environment.status == Status.READY


def test_a_dropped_dag_whose_tasks_run_keeps_none_of_the_others_and_readiness_no_longer_than_the_patience(
    deployed: World,
) -> None:
    deployed.airflow.defines["feature1"] = ("test_dag", "dropped", "running")
    deployed.airflow.parse(deployed.clock())
    deployed.verify()
    deployed.clock.forward(60)
    deployed.deploy({**FILES, "dags/new.py": DAG}, SECOND)
    asked_at = deployed.clock()
    deployed.airflow.defines["feature1"] = ("test_dag",)
    deployed.airflow.running.add("qu.feature1.running")
    for _ in range(2):
        deployed.clock.forward(30)
        deployed.airflow.parse(deployed.clock())
        with pytest.raises(NotYetError):
            deployed.verify(at=asked_at)
    kept = ids(deployed)
    deployed.clock.forward(900)
    deployed.airflow.parse(deployed.clock())
    deployed.verify(at=asked_at)

    assert kept == {"qu.feature1.test_dag", "qu.feature1.running"}
    assert deployed.environment.status == Status.READY
    assert "still lists qu.feature1.running of an older commit" in deployed.environment.message
    deployed.airflow.running.clear()
    deployed.bus.published.clear()
    deployed.sweep()
    assert [(kind, detail["message"]) for kind, detail in deployed.bus.published] == [
        ("Verification Requested", "Airflow still lists DAGs of an older commit")
    ]
    deployed.clock.forward(30)
    deployed.airflow.parse(deployed.clock())
    deployed.verify(kind=EventKind.VERIFICATION_REQUESTED, at=deployed.clock())
    assert ids(deployed) == {"qu.feature1.test_dag"}
    assert deployed.environment.status == Status.READY
    assert "older commit" not in deployed.environment.message
    assert deployed.bus.kinds == ["Verification Requested", "Ready"]


def test_what_a_broken_commit_listed_is_dropped_by_the_next_also_where_airflow_lists_only_what_is_active(
    deployed: World,
) -> None:
    deployed.airflow.lists_let_go = False
    deployed.airflow.defines["feature1"] = ("test_dag", "of_the_broken_commit")
    deployed.airflow.broken["feature1"] = {"dag__new.py": "SyntaxError: invalid syntax"}
    deployed.airflow.parse(deployed.clock())
    deployed.verify()
    failed = deployed.environment.status
    deployed.airflow.broken.clear()
    deployed.clock.forward(60)
    deployed.deploy({**FILES, "dags/new.py": DAG}, SECOND)
    deployed.airflow.defines["feature1"] = ("test_dag",)
    row = deployed.airflow.rows["qu.feature1.of_the_broken_commit"]
    deployed.airflow.rows[row.dag_id] = replace(row, is_active=False)
    for _ in range(2):
        deployed.clock.forward(30)
        deployed.airflow.parse(deployed.clock())
        deployed.airflow.rows[row.dag_id] = replace(row, is_active=False)
        with suppress(NotYetError):
            deployed.verify()

    assert failed == Status.FAILED
    assert deployed.environment.status == Status.READY
    assert ids(deployed) == {"qu.feature1.test_dag"}


# Verified again


@pytest.fixture
def ready(deployed: World) -> World:
    deployed.clock.forward(30)
    deployed.airflow.parse(deployed.clock())
    deployed.verify()
    deployed.bus.published.clear()
    deployed.clock.forward(3_600)
    deployed.airflow.parse(deployed.clock())
    return deployed


def verify_again(world: World, asked_at: datetime | None = None) -> None:
    """As the sweep asks for it, now or then."""
    world.verify(kind=EventKind.VERIFICATION_REQUESTED, at=asked_at or world.clock())


def test_a_ready_environment_that_is_as_it_was_is_no_news(ready: World) -> None:
    before = ready.environment

    verify_again(ready)

    assert ready.environment == before
    assert not ready.bus.published


def test_a_verification_that_could_not_be_told_is_told_when_its_message_comes_again(deployed: World) -> None:
    deployed.clock.forward(30)
    deployed.airflow.parse(deployed.clock())
    asked_at = deployed.clock()
    publish = deployed.bus.publish

    def refuse(detail_type: str, detail: Mapping[str, object]) -> None:
        raise TransientUpstreamError(f"{detail_type} of {detail['environment']} is not taken")

    deployed.bus.publish = refuse  # type: ignore[method-assign] # the bus is down for a while
    deployed.clock.forward(1)
    with pytest.raises(TransientUpstreamError):
        deployed.verify(at=asked_at)
    deployed.bus.publish = publish  # type: ignore[method-assign] # and up again

    deployed.verify(at=asked_at)

    assert deployed.bus.kinds == ["Ready"]


def test_rows_that_are_gone_are_waited_for_from_when_somebody_asked_and_may_come_back(ready: World) -> None:
    ready.airflow.rows.clear()
    asked_at = ready.clock()
    with pytest.raises(NotYetError, match="lists no DAG of feature1"):
        verify_again(ready, asked_at)
    ready.clock.forward(300)
    ready.airflow.parse(ready.clock())
    verify_again(ready, asked_at)

    assert ready.environment.status == Status.READY
    assert not ready.bus.published


def test_rows_that_stay_away_are_a_failure_that_names_them_once(ready: World) -> None:
    del ready.airflow.rows["qu.feature1.test_dag_2"]  # and the processor stands still
    asked_at = ready.clock()
    with pytest.raises(NotYetError, match=r"does not list .* any more"):
        verify_again(ready, asked_at)
    ready.clock.forward(900)

    verify_again(ready, asked_at)
    ready.clock.forward(60)
    verify_again(ready)

    assert (ready.environment.status, ready.environment.failed_in_airflow) == (Status.FAILED, True)
    assert "does not list qu.feature1.test_dag_2 any more after 900 s" in ready.environment.message
    assert ready.bus.kinds == ["Failed"]


def test_a_dag_that_its_own_code_has_no_more_is_not_missed(ready: World) -> None:
    asked_at = ready.clock()
    ready.airflow.defines["feature1"] = ("test_dag",)
    ready.airflow.rows["qu.feature1.test_dag_2"] = replace(
        ready.airflow.rows["qu.feature1.test_dag_2"], is_active=False
    )
    ready.clock.forward(30)
    ready.airflow.parse(ready.clock())

    verify_again(ready, asked_at)

    assert (ready.environment.status, ready.environment.dag_ids) == (Status.READY, ("qu.feature1.test_dag",))
    assert ready.bus.kinds == ["Ready"]


def test_what_airflow_lists_too_late_is_ready_after_all(deployed: World) -> None:
    deployed.clock.forward(901)
    deployed.verify()
    deployed.bus.published.clear()
    deployed.airflow.parse(deployed.clock())

    deployed.sweep()
    asked = deployed.bus.kinds
    deployed.clock.forward(60)
    verify_again(deployed)

    assert asked == ["Verification Requested"]
    assert deployed.environment.status == Status.READY
    assert deployed.bus.kinds == ["Verification Requested", "Ready"]


# Nothing to see

SELECTING = {**FILES, "dagbranch.yaml": b"version: 1\nselect: changed\n"}


def deploy_changed(world: World, files: dict[str, bytes], before: dict[str, bytes], head_sha: str) -> None:
    base = f"{head_sha[:39]}b"
    world.github.commits[base] = Commit(before)
    world.github.merge_bases[head_sha] = base
    world.deploy(files, head_sha)
    world.bus.published.clear()


def test_a_pull_request_that_touches_no_dag_is_ready_at_once_and_says_so(world: World) -> None:
    deploy_changed(world, {**SELECTING, "dags/notes.md": b"new"}, SELECTING, FIRST)

    world.verify()

    assert world.environment.status == Status.READY
    assert "touches no DAG" in world.environment.message
    ((kind, detail),) = world.bus.published
    assert (kind, detail["data"]["dag_ids"]) == ("Ready", [])
    assert "touches no DAG" in detail["message"]


def test_dags_that_the_last_commit_touched_go_once_nobody_can_bring_them_back(world: World) -> None:
    world.airflow.defines["feature1"] = ("test_dag",)
    deploy_changed(world, SELECTING, {**SELECTING, "dags/qu/common.py": b"", "dags/qu/main/test_dag.py": b""}, FIRST)
    world.airflow.parse(world.clock())
    world.verify()
    world.clock.forward(60)
    deploy_changed(world, {**SELECTING, "dags/notes.md": b"new"}, SELECTING, SECOND)
    world.airflow.defines["feature1"] = ()

    with pytest.raises(NotYetError, match="still lists 1 DAGs of an older commit"):
        world.verify()
    world.clock.forward(121)
    world.verify()

    assert ids(world) == set()
    assert world.environment.status == Status.READY
