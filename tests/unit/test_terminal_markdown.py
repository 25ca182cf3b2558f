from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.environments import Environment
from dagbranch.domain.report_comment import comment_of
from dagbranch.domain.report_markdown import code, one_line, prose
from local.demo.terminal_markdown import plain, rendered
from tests.fakes.report_examples import GITHUB, a_ready_one, a_refused_one, all_states, an_answer


def test_a_table_has_columns() -> None:
    markdown = "| DAG | defined in |\n| --- | --- |\n| [`qu.a`](https://x.example/a_b) | `dags/a.py` |\n| `b` |  |"

    assert rendered(markdown) == ["DAG   defined in", "────  ──────────", "qu.a  dags/a.py", "b"]


def test_headings_are_underlined_and_items_keep_their_indent() -> None:
    assert rendered("### A\n\nb\n\n\n#### Data\n\n- one\n  - two") == [
        "A",
        "═",
        "b",
        "",
        "Data",
        "────",
        "• one",
        "  • two",
    ]


def test_what_is_folded_away_is_named() -> None:
    markdown = "<details><summary>Times</summary>\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n</details>\n\nafter"

    assert rendered(markdown) == ["▸ Times (2 lines, folded)", "", "after"]


def test_a_fence_is_shown_as_it_is() -> None:
    fork = a_refused_one(awaits_approval=True)

    assert f"    /dagbranch deploy {fork.head_sha}" in rendered(comment_of(fork, (), GITHUB))


@given(st.text())
def test_strangers_text_is_read_as_they_wrote_it(text: str) -> None:
    assert plain(prose(text)) == one_line(text).replace("\u2060", "")


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=100))
def test_code_is_read_letter_by_letter(text: str) -> None:
    assert plain(code(text)) == one_line(text)


@pytest.mark.parametrize("record", all_states(), ids=lambda record: str(record.status))
def test_no_mark_of_markdown_is_left_in_any_state(record: Environment) -> None:
    text = "\n".join(rendered(comment_of(record, (an_answer(),), GITHUB)))

    assert not [mark for mark in ("`", "](", "| ", "<", "\\", "#") if mark in text]


def test_every_dag_of_a_ready_one_is_named() -> None:
    record = a_ready_one()

    text = "\n".join(rendered(comment_of(record, (), GITHUB)))

    assert [one for one in record.dag_ids if one not in text] == []
