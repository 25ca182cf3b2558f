from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagbranch.domain.environments import Environment
from dagbranch.domain.overview import BaseChanges, Overview, SchemaOverview
from dagbranch.domain.report_comment import comment_of, comment_without_record, marker
from tests.fakes.examples import FIRST, NOW, SECOND
from tests.fakes.report_examples import (
    AIRFLOW,
    GITHUB,
    WARNING,
    a_deploying_one,
    a_failed_one,
    a_half,
    a_ready_one,
    a_refused_one,
    a_removed_one,
    a_removing_one,
    a_waiting_one,
    all_states,
    an_answer,
)

MOST_CHARACTERS = 65_536
BLOB = f"https://github.com/acme/pipelines/blob/{FIRST}"
hostile = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "@acme/everyone #1 https://evil.example www.evil.example",
            "<!-- dagbranch:preview --><img src=x></details>",
            "![x](https://evil.example) `` ``` | \\|",
            "dags/x.py:3: @anna\n../../evil.py:1: x\n/etc/passwd:1: y",
            "```\n/dagbranch deploy\n```",
        ]
    ),
)


def told(record: Environment) -> str:
    return comment_of(record, (), GITHUB)


def test_a_ready_one_says_which_dags_are_whose_and_leads_to_them() -> None:
    comment = told(a_ready_one())

    assert comment.splitlines()[:2] == [marker("preview"), "### ✅ feature1 is ready: 3 DAGs in Airflow"]
    assert f"[Open in Airflow]({AIRFLOW.url}/dags?tags=feature1)" in comment
    assert "41 s after it was asked for" in comment
    row = f"| [`qu.feature1.new_dag`]({AIRFLOW.url}/dags/qu.feature1.new_dag) "
    assert f"{row}| [`dags/qu/main/new.py`]({BLOB}/dags/qu/main/new.py) | added |" in comment
    assert list(states(comment).items()) == [("new_dag", "added"), ("test_dag", "changed"), ("other", "unchanged")]


def test_what_the_list_of_dags_tells_of_a_change_is_not_told_twice() -> None:
    record = a_ready_one()
    changes = BaseChanges(changed=("dags/qu/main/test_dag.py",))

    ready = told(replace(record, overview=replace(record.overview, changes=changes)))
    on_its_way = told(a_deploying_one(overview=replace(record.overview, changes=changes)))

    assert "Changed since" not in ready
    assert "DAG modules that changed, or use what changed: `dags/qu/main/test_dag.py`" in on_its_way


def test_one_without_a_dag_to_show_has_no_link_into_airflow() -> None:
    comment = told(a_ready_one(dag_ids=()))

    assert "feature1 is ready: it has no DAG to show" in comment
    assert "Open in Airflow" not in comment


def test_where_nobody_knows_what_changed_no_dag_is_called_unchanged() -> None:
    record = a_ready_one()

    comment = told(replace(record, overview=replace(record.overview, changes=None)))

    assert set(states(comment).values()) == {""}
    assert "Changed since" not in comment


def test_data_is_told_as_views_and_tables_and_whether_they_are_filled() -> None:
    record = a_ready_one(seeding=("db_attribution_feature1.m_model",))

    comment = told(record)

    assert "`db_attribution_feature1`: 12 views of `db_attribution_test`, masked: `m_customers`" in comment
    assert "table `m_roi`, filled from the base" in comment
    assert "table `m_model`, still being filled" in comment


def test_changes_warnings_and_times_are_told() -> None:
    comment = told(a_ready_one())

    assert "DAG modules removed: `dags/qu/main/gone.py`" in comment
    assert "New outputs: `db_attribution_feature1.m_roi`" in comment
    assert f"- [`dags/qu/main/test_dag.py:3`]({BLOB}/dags/qu/main/test_dag.py#L3) the SQL of this" in comment
    assert "| pipeline in the bucket | after 12 s |" in comment
    assert "| data in the warehouse | after 8 s |" in comment
    assert "| listed by Airflow | after 41 s |" in comment


def test_one_that_is_on_its_way_says_what_stands_already_and_shows_nothing_of_the_commit_before() -> None:
    older = a_half(-60, generation=0, head_sha=SECOND)

    comment = told(a_deploying_one(data=older, dag_ids=("qu.feature1.test_dag",)))

    assert "feature1 is being deployed" in comment
    assert "still to come: the data" in comment
    assert "| pipeline in the bucket | after 12 s |" in comment
    assert f"| data in the warehouse | not yet; `{SECOND[:7]}` stands there |" in comment
    assert "#### DAGs" not in comment
    assert "12 views" not in comment


def test_tables_that_are_being_filled_are_counted_while_they_are() -> None:
    comment = told(a_deploying_one(data=a_half(8), seeding=("s.m_roi", "s.m_model")))

    assert "after 8 s, 2 tables still to be filled" in comment


def test_a_failed_one_leads_to_each_place_that_is_to_be_mended() -> None:
    comment = told(a_failed_one("dags/x.py:3: ImportError: no\ndagbranch.yaml: 'version' is missing\nand no place"))

    assert "### ❌ feature1 has failed" in comment
    assert f"- [`dags/x.py:3`]({BLOB}/dags/x.py#L3) ImportError: no" in comment
    assert f"- [`dagbranch.yaml`]({BLOB}/dagbranch.yaml) 'version' is missing" in comment
    assert "- and no place" in comment
    assert "The next push is deployed by itself; `/dagbranch redeploy` tries this commit once more." in comment


def test_a_failed_one_of_a_fork_does_not_promise_to_deploy_the_next_push() -> None:
    assert "The next push" not in told(a_failed_one("dags/x.py:3: no", approved=FIRST))


def test_what_airflow_lists_of_a_failed_commit_is_shown_only_where_it_is_of_that_commit() -> None:
    assert "#### DAGs" in told(a_failed_one("dags/x.py:3: no", failed_in_airflow=True))
    assert "#### DAGs" not in told(a_failed_one("dags/x.py:3: no"))


def test_one_that_waits_is_told_its_place_and_why() -> None:
    comment = told(a_waiting_one())

    assert "Waiting for its turn: place 2 in the line" in comment
    assert "The server has room for 3 environments, and 3 stand. It is deployed by itself when its turn" in comment
    assert comment.count("place 2 in the line") == 1


def test_a_refusal_says_why() -> None:
    assert "No environment for this pull request\n\nThe pull request is a draft." in told(a_refused_one())


def test_a_fork_is_told_the_one_line_that_has_it_deployed() -> None:
    comment = told(a_refused_one(awaits_approval=True))

    assert f"```\n/dagbranch deploy {FIRST}\n```" in comment
    assert "Waiting for approval" in comment


def test_what_stands_and_is_to_go_says_so() -> None:
    assert "it is to be removed: the label 'no' is on it" in told(a_ready_one(unwanted="the label 'no' is on it"))


def test_a_fork_whose_approved_commit_goes_is_told_how_the_next_one_comes() -> None:
    going = a_removing_one("code of a fork", head_sha=SECOND, unwanted="code of a fork", awaits_approval=True)

    comment = told(going)

    assert "feature1 is being removed" in comment
    assert f"```\n/dagbranch deploy {SECOND}\n```" in comment


def test_a_removal_says_why_and_then_what_went_and_how_it_comes_back() -> None:
    under_way = told(a_removing_one("nobody has asked for anything of it for 14 days"))
    expired = told(a_removed_one("nobody has asked for anything of it for 14 days", dismissed=FIRST))

    assert "feature1 is being removed" in under_way
    assert "Nobody has asked for anything of it for 14 days" in under_way
    assert "DAGs deleted in Airflow: `qu.feature1.test_dag`" in expired
    assert "Schemas dropped: `db_attribution_feature1`" in expired
    assert "`/dagbranch deploy`, brings it back" in expired
    assert "brings it back" not in told(a_removed_one())


def test_the_last_answers_are_told_in_order_without_calling_their_people() -> None:
    answers = (
        an_answer(2, command="", author="bob", text="unknown: `@acme/x`", reaction="confused"),
        an_answer(1),
    )

    comment = comment_of(a_ready_one(), answers, GITHUB)

    assert "`/dagbranch keep` by `anna`, 2026-11-21 09:01 UTC: taken: it does not expire" in comment
    assert comment.index("by `anna`") < comment.index("by `bob`")
    assert strangers_words(comment) == ""


def test_where_nothing_is_on_record_the_answer_is_told_all_the_same() -> None:
    comment = comment_without_record("preview", (an_answer(),))

    assert comment.startswith(marker("preview"))
    assert "taken: it does not expire" in comment


def test_up_to_20_dags_are_one_table_and_more_are_folded_but_for_those_that_are_touched() -> None:
    few, many = told(with_dags(20)), told(with_dags(200))

    assert "unchanged DAG" not in few
    assert len(states(few)) == 20
    assert states(many) == {"dag_000": "added", "dag_001": "changed"}
    assert "<summary>198 unchanged DAGs</summary>" in many
    assert many.count("- [`qu.feature1.dag_") == 198


def test_more_than_20_that_are_touched_are_folded_too() -> None:
    record = with_dags(60)
    changes = BaseChanges(added=tuple(record.overview.modules.values()))

    comment = told(replace(record, overview=replace(record.overview, changes=changes)))

    assert "<summary>60 added or changed DAGs</summary>" in comment
    assert set(states(comment).values()) == {"added"}


@pytest.mark.slow
@pytest.mark.parametrize("count", [200, 1_000, 5_000])
@pytest.mark.parametrize("letter", ["x", "ü"])
def test_however_many_there_are_the_comment_is_taken_and_says_how_many_more(count: int, letter: str) -> None:
    comment = told(everything_long(count, letter))

    assert len(comment) < MOST_CHARACTERS
    assert is_balanced(comment)
    shown = comment.count(f"- [`qu.feature1.{letter}")
    more = re.search(r"- … and ([\d,]+) more\n", comment)
    assert shown > 50
    assert shown + int(more.group(1).replace(",", "") if more else 0) == count
    assert "`/dagbranch keep`" in comment


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(hostile, st.integers(0, 9))
def test_whatever_strangers_write_is_text_in_every_state(text: str, number: int) -> None:
    record = hostile_everywhere(all_states(text)[number], text)
    answers = [an_answer(command=text, author=text, text=text)]

    comment = comment_of(record, answers, GITHUB)

    assert len(comment) < MOST_CHARACTERS
    assert comment.splitlines()[0] == marker("preview")
    assert is_balanced(comment)
    assert strangers_words(comment) == ""


def hostile_everywhere(record: Environment, text: str) -> Environment:
    schema = SchemaOverview(text, text, 1, (text,), (text,), (text,))
    changes = BaseChanges((text,), (text,), (text,), (text,))
    receipt = {"dag_ids": [text], "schemas": [text], "ended_runs": [text], "left_alone": [text], "not_seen": [text]}
    return replace(
        record,
        branch=text or "x",
        overview=Overview(changes, (schema,), {text: text}) if record.dag_ids else record.overview,
        dag_ids=(text,) if record.dag_ids else (),
        pipeline=replace(record.pipeline, message=text) if record.pipeline else None,
        receipt=receipt,
    )


def strangers_words(comment: str) -> str:
    """What stands outside of code, fences, links and the words and tags that are ours, and might be more than text."""
    outside = re.sub(r"^```\n/dagbranch deploy [0-9a-f]{40}\n```$", "", comment, flags=re.MULTILINE)
    outside = re.sub(r"(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)", "C", outside)
    ours = r"https://(?:github\.com/acme/pipelines/(?:commit|blob)/[^\s()]+|0a1b2c3d\.c3[^\s()]+)"
    outside = re.sub(rf"\[(?:C|Open in Airflow)\]\({ours}\)", "L", outside)
    outside = re.sub(r"</?(?:details|summary|span)>|\A<!-- dagbranch:preview -->", "", outside)
    outside = re.sub(r"\\.", "", outside)
    outside = re.sub(r"^(?:#{3,4} |\| .*\|$)", "", outside, flags=re.MULTILINE)
    found = re.search(r"[`<>\[\]*_#|~&@!]|://|www\.", outside)
    return outside[max(0, found.start() - 30) : found.end() + 30] if found else ""


def states(comment: str) -> dict[str, str]:
    rows = re.findall(r"^\| \[`qu\.feature1\.([^`]+)`\]\(\S+\) \| .* \| (\w*) \|$", comment, re.MULTILINE)
    return dict(rows)


def is_balanced(comment: str) -> bool:
    """At the starts of lines: what a stranger writes stands within one."""
    found = [len(re.findall(rf"^{tag}", comment, re.MULTILINE)) for tag in ("<details><summary>", "</details>")]
    return found[0] == found[1]


def with_dags(count: int) -> Environment:
    modules = {f"qu.feature1.dag_{number:03}": f"dags/qu/main/dag_{number:03}.py" for number in range(count)}
    changes = BaseChanges(added=("dags/qu/main/dag_000.py",), changed=("dags/qu/main/dag_001.py",))
    return a_ready_one(dag_ids=tuple(modules), overview=Overview(changes, (), modules))


def everything_long(count: int, letter: str) -> Environment:
    ids = tuple(f"qu.feature1.{letter * 60}_{number}" for number in range(count))
    names = tuple(f"{letter * 100}_{number}" for number in range(60))
    changes = BaseChanges(names, names, names, names)
    schemas = tuple(SchemaOverview(name, name, 9_999, names, names, names) for name in names)
    return a_ready_one(
        dag_ids=ids,
        overview=Overview(changes, schemas, {}),
        message="\n".join([WARNING * 40] * 60),
        ready_at=NOW + timedelta(days=3),
    )
