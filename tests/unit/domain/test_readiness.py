from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dagbranch.domain.airflow_listing import ImportFailure, ListedDag
from dagbranch.domain.environments import Half, Suspects
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
  File "/x/feature1/qu/main/test_dag.py", line 3, in <module>
    import a
  File "/x/feature1/qu/a.py", line 1, in <module>
ZeroDivisionError: division by zero
"""
SOURCES = {STUB: "qu/main/test_dag.py"}


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
        SOURCES,
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


def test_rows_that_the_commit_dropped_are_those_that_its_parse_did_not_touch() -> None:
    found = judge(listed("kept"), old("dropped"), old("never_parsed", parsed_at=None), old("touched", parsed_at=PARSED))

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
            "qu/main/test_dag.py:3: ZeroDivisionError: division by zero",
        ),
        ("SyntaxError: invalid syntax\n", "qu/main/test_dag.py: SyntaxError: invalid syntax"),
        ("", "qu/main/test_dag.py: cannot be imported"),
    ],
)
def test_an_import_error_is_told_in_its_authors_words(trace: str, message: str) -> None:
    assert judge(failures=(failure(trace),)).failures == (message,)


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

    assert judge(listed(), failures=(late,)).failures == ("qu/main/test_dag.py: DagFileProcessorTimeout",)


def test_an_empty_list_of_import_errors_proves_nothing_while_the_runtime_says_that_there_are_some() -> None:
    incomplete = listed(tags=frozenset({"feature1", f"commit:{SECOND[:7]}", "import-errors"}))

    with pytest.raises(NotYetError, match="cannot be imported"):
        judge(incomplete)


def test_import_errors_that_airflow_never_tells_end_as_a_failure_that_says_so() -> None:
    incomplete = listed(tags=frozenset({"feature1", f"commit:{SECOND[:7]}", "import-errors"}))

    found = judge(incomplete, waited=PATIENCE)

    assert "cannot be imported" in found.failures[0]
