from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dagbranch.domain.airflow_listing import ImportFailure, ListedDag
from dagbranch.domain.environments import Half, Suspects
from dagbranch.domain.packaging import Manifest
from dagbranch.domain.readiness import Readiness, judge_readiness
from dagbranch.errors import NotYetError
from tests.fakes.examples import FIRST, NOW, SECOND

FOLDER = "/usr/local/airflow/dags"
PIPELINE = Half("digest", SECOND, 2, NOW)
PATIENCE = timedelta(minutes=15)
PARSED = NOW + timedelta(seconds=30)
STUB = "dag__qu__main__test_dag.py"
TRACE = """\
Traceback (most recent call last):
  File "/usr/local/airflow/dags/feature1/qu/main/test_dag.py", line 3, in <module>
    import a
  File "/usr/local/airflow/dags/feature1/qu/a.py", line 1, in <module>
ZeroDivisionError: division by zero
"""
MANIFEST = Manifest("0.1.0", "digest", {STUB: "qu/main/test_dag.py"}, "dags/")


def listed(dag_id: str = "qu.feature1.test_dag", **different: object) -> ListedDag:
    tags = frozenset({"feature1", f"commit:{SECOND[:7]}"})
    usual = ListedDag(dag_id, f"{FOLDER}/feature1.zip/{STUB}", tags, is_active=True, parsed_at=PARSED)
    return replace(usual, **different)  # type: ignore[arg-type] # a test's own shorthand


def old(dag_id: str, **different: object) -> ListedDag:
    usual = {"tags": frozenset({"feature1", f"commit:{FIRST[:7]}"}), "parsed_at": NOW - timedelta(minutes=5)}
    return listed(dag_id, **{**usual, **different})


def failure(
    trace: str, *, commit: str | None = SECOND, at: datetime | None = PARSED, environment: str = "feature1"
) -> ImportFailure:
    note = f"dagbranch: environment {environment}, commit:{commit[:7]}\n" if commit else ""
    return ImportFailure(f"{FOLDER}/{environment}.zip/{STUB}", trace + note, at)


def judge(
    *dags: ListedDag,
    failures: tuple[ImportFailure, ...] = (),
    waited: timedelta = timedelta(seconds=40),
    known: tuple[str, ...] = (),
) -> Readiness:
    return judge_readiness(
        "feature1",
        PIPELINE,
        dags,
        failures,
        MANIFEST,
        NOW + waited,
        PATIENCE,
        asked_at=NOW,
        deadline=NOW + PATIENCE,
        known=known,
    )


def test_listed_with_the_commits_tag_is_ready() -> None:
    assert judge(listed("b"), listed("a")) == Readiness(("a", "b"), (), (), PARSED)


@pytest.mark.parametrize(
    "dag",
    [
        old("a"),
        listed(is_active=False),
        listed(file_location=f"{FOLDER}/feature1/qu/main/test_dag.py"),
        listed(file_location=f"{FOLDER}/feature11.zip/{STUB}"),
        listed(file_location=f"{FOLDER}/xfeature1.zip"),
    ],
    ids=["of the commit before", "inactive", "of the copy", "of another environment", "of another zip"],
)
def test_until_the_commit_is_listed_the_question_comes_again(dag: ListedDag) -> None:
    with pytest.raises(NotYetError) as error:
        judge(dag)
    assert error.value.retry_seconds <= 10


def test_after_its_patience_it_fails_and_says_what_to_look_at() -> None:
    (message,) = judge(waited=PATIENCE).failures

    assert "feature1" in message
    assert "commit:2222222" in message
    assert "900 s" in message
    assert "scan interval" in message
    assert "paused" in message
    assert "how many DAGs" in message


def test_a_server_that_still_parses_the_old_zip_is_told_apart_from_one_that_parses_nothing() -> None:
    (message,) = judge(old("a", parsed_at=NOW + timedelta(minutes=5)), waited=PATIENCE).failures

    assert "zip of an older commit" in message
    assert "scan interval" not in message


def test_after_its_patience_errors_that_tell_neither_time_nor_commit_are_told_too() -> None:
    unknown = failure("Timeout\n", commit=None, at=None)

    found = judge(failures=(unknown, failure("SyntaxError\n", commit=FIRST)), waited=PATIENCE).failures

    assert found[1:] == ("dags/qu/main/test_dag.py: Timeout",)


def test_a_dag_of_an_older_commit_that_was_parsed_since_is_waited_for_and_then_told() -> None:
    """One of several schedulers still has the old zip, and may put its rows over those of the new one."""
    rows = listed("kept"), old("behind", parsed_at=PARSED + timedelta(seconds=5))

    with pytest.raises(NotYetError, match="lists behind of an older commit"):
        judge(*rows)
    found = judge(*rows, waited=PATIENCE)

    assert "lists behind of an older commit" in found.failures[0]
    assert found.dropped == ()


def test_rows_that_the_commit_dropped_are_those_that_its_parse_did_not_touch() -> None:
    found = judge(listed("kept"), old("dropped"), old("never_parsed", parsed_at=None))

    assert found.dropped == ("dropped", "never_parsed")


def test_without_a_time_of_the_parse_nothing_counts_as_dropped_until_a_second_sync_has_passed() -> None:
    rows = listed("kept", parsed_at=None), old("old")

    with pytest.raises(NotYetError):
        judge(*rows, waited=timedelta(seconds=119))
    assert judge(*rows, waited=timedelta(seconds=120)).dropped == ("old",)


def test_what_a_door_that_lists_only_the_active_ones_has_listed_before_counts_as_dropped() -> None:
    assert judge(listed("kept"), known=("kept", "gone")).dropped == ("gone",)


def test_a_dropped_dag_is_confirmed_by_a_later_parse_that_leaves_it_out_too() -> None:
    first = judge(listed("kept"), old("gone"), old("slow"))
    suspects = Suspects(2, PARSED, first.dropped)
    later = PARSED + timedelta(seconds=30)
    second = judge(listed("kept", parsed_at=later), listed("slow", parsed_at=later), old("gone"))

    assert first.confirmed(None, 2) is None
    assert first.confirmed(suspects, 2) is None
    assert second.confirmed(replace(suspects, generation=1), 2) is None
    assert second.confirmed(suspects, 2) == ("gone",)


def test_while_a_module_is_broken_nothing_counts_as_dropped() -> None:
    found = judge(listed("kept"), old("of_the_broken_module"), failures=(failure("SyntaxError: x\n"),))

    assert found.dropped == ()
    assert found.failures


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (
            TRACE,
            "dags/qu/a.py:1: ZeroDivisionError: division by zero (imported by dags/qu/main/test_dag.py)",
        ),
        ("SyntaxError: invalid syntax\n", "dags/qu/main/test_dag.py: SyntaxError: invalid syntax"),
        ("", "dags/qu/main/test_dag.py: cannot be imported"),
    ],
)
def test_an_import_error_is_told_in_its_authors_words(trace: str, message: str) -> None:
    assert judge(failures=(failure(trace),)).failures == (message,)


@pytest.mark.parametrize("root", ["/usr/local/airflow/dags/feature1", "/tmp/dagbranch-0/" + "a1" * 32])
def test_an_import_error_of_which_airflow_tells_the_last_frames_alone_is_told_where_it_was_raised(root: str) -> None:
    trace = (
        "Traceback (most recent call last):\n"
        '  File "/usr/local/airflow/dags/feature1.zip/_dagbranch/importer.py", line 191, in exec_module\n'
        f'  File "{root}/qu/a.py", line 7, in <module>\n'
        "ValueError: of\nmany lines\n"
    )

    assert judge(failures=(failure(trace),)).failures == (
        "dags/qu/a.py:7: ValueError: of (imported by dags/qu/main/test_dag.py)",
    )


def test_a_file_of_the_server_is_no_file_of_the_repository() -> None:
    trace = 'Traceback:\n  File "/usr/lib/python3/qu/a.py", line 7, in <module>\nValueError: x\n'

    assert judge(failures=(failure(trace),)).failures == ("dags/qu/main/test_dag.py: ValueError: x",)


def test_an_import_error_of_a_long_text_and_in_many_modules_is_bounded() -> None:
    long = (
        '  File "/x/feature1/qu/main/test_dag.py", line 3, in <module>\nValueError: ' + "x" * 2_000 + "\nof 3 lines\n"
    )

    found = judge(failures=(failure(long),) * 70).failures

    assert len(found) == 51
    assert found[0].startswith("dags/qu/main/test_dag.py:3: ValueError: xxx")
    assert len(found[0]) < 600
    assert found[-1] == "… and 20 more modules that cannot be imported"


def test_an_import_error_in_what_travels_from_the_requirements_is_told_where_the_author_uses_it() -> None:
    trace = TRACE.replace("/qu/a.py", "/.requirements/pendulum/__init__.py")

    assert judge(failures=(failure(trace),)).failures == (
        "dags/qu/main/test_dag.py:3: ZeroDivisionError: division by zero",
    )


def test_an_import_error_of_a_file_that_no_manifest_names_is_told_by_that_file() -> None:
    stray = replace(failure("boom\n"), file_location=f"{FOLDER}/feature1.zip")

    assert judge(failures=(stray,)).failures == ("feature1.zip: boom",)


@pytest.mark.parametrize(
    "stale",
    [
        failure("SyntaxError\n", commit=FIRST),
        failure("SyntaxError\n", environment="feature2"),
        failure("Timeout\n", commit=None, at=NOW + timedelta(seconds=59)),
        failure("Timeout\n", commit=None, at=None),
    ],
    ids=["of the commit before", "of another environment", "before the zip was synced", "of no known time"],
)
def test_errors_that_are_not_of_this_commit_do_not_count(stale: ImportFailure) -> None:
    assert judge(listed(), failures=(stale,)).failures == ()


def test_an_error_without_the_runtimes_note_counts_once_the_zip_must_have_been_synced() -> None:
    late = failure("DagFileProcessorTimeout\n", commit=None, at=NOW + timedelta(seconds=61))

    assert judge(listed(), failures=(late,)).failures == ("dags/qu/main/test_dag.py: DagFileProcessorTimeout",)


def test_an_empty_list_of_import_errors_proves_nothing_while_the_runtime_says_that_there_are_some() -> None:
    incomplete = listed(tags=frozenset({"feature1", f"commit:{SECOND[:7]}", "import-errors"}))

    with pytest.raises(NotYetError, match="cannot be imported"):
        judge(incomplete)


def test_import_errors_that_airflow_never_tells_end_as_a_failure_that_says_so() -> None:
    incomplete = listed(tags=frozenset({"feature1", f"commit:{SECOND[:7]}", "import-errors"}))

    found = judge(incomplete, waited=PATIENCE)

    assert "cannot be imported" in found.failures[0]
