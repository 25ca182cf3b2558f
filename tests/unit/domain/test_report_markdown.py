from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.report_markdown import bounded, code, link, one_line, prose, size_of, table

HOSTILE = [
    "@acme/everyone and @anna, see #1, GH-12, acme/pipelines#3 or anna@acme.example",
    "https://evil.example, www.evil.example and _www.evil.example",
    "![x](https://evil.example/pixel.png) [click](javascript:alert(1))",
    "<img src=x onerror=alert(1)> <details><!-- dagbranch:preview -->",
    "``` \n```\n# heading\n\n> quote\n- item\n1. item\n---\n===",
    "a | b \\| c \\\\| d",
    "`code` ``more`` ```",
    "$x$ $`y`$ :smile: ~~gone~~ [^1] &lt; &#64;",
    "\u202e\u200b\x00\x1b[31m\ud800",
    "1. one",
    "- one",
    "",
    "    indented",
]
texts = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text(alphabet="`\\|@#<>[]()!*_~&$:/. a1-+=w\n", max_size=40))


@given(texts)
def test_running_text_has_no_mark_that_is_not_escaped_and_reads_as_it_was_written(text: str) -> None:
    shown = unescaped(prose(text))

    assert shown.replace("\u2060", "") == one_line(text)


@given(texts)
def test_nothing_in_running_text_can_be_taken_for_a_mention_an_address_an_issue_or_an_emoji(text: str) -> None:
    shown = unescaped(prose(text))

    assert re.search(r"[@#:][^\s\u2060]|GH-\d|www\.", shown, re.IGNORECASE) is None


@given(texts)
def test_running_text_begins_no_block_wherever_it_stands(text: str) -> None:
    shown = prose(text)

    assert "\n" not in shown
    assert re.match(r"\d*[-+.)=]|[#>|~`]|\s", shown) is None


@given(texts)
def test_code_ends_where_it_was_meant_to_and_is_letter_by_letter_the_same(text: str) -> None:
    inside = code_content(code(text))

    assert inside == (one_line(text, 250) or " ")


@given(st.lists(st.lists(texts, min_size=2, max_size=2), max_size=4), st.sampled_from([prose, code]))
def test_a_cell_stays_one_cell(rows: list[list[str]], written: Callable[[str], str]) -> None:
    lines = table(("a", "b"), [[written(one) for one in row] for row in rows])

    assert len(lines) == 2 + len(rows)
    assert {line.count("|") for line in lines} == {3}


def test_a_link_leads_nowhere_without_an_address() -> None:
    assert link("`x`", None) == "`x`"
    assert link("`x`", "https://airflow.example/dags?tags=a") == "[`x`](https://airflow.example/dags?tags=a)"


@given(texts, st.integers(1, 50))
def test_a_line_is_cut_to_its_length(text: str, most: int) -> None:
    line = one_line(text, most)

    assert len(line) <= most
    assert line.isprintable()


@given(st.lists(st.text(max_size=30), max_size=30), st.integers(30, 400))
def test_what_has_no_room_is_counted(lines: list[str], most: int) -> None:
    kept = bounded(lines, most, lambda count: f"and {count} more")

    left = len(lines) - (len(kept) - 1)
    assert size_of("\n".join(kept)) <= most
    assert kept == lines or (kept[:-1] == lines[: len(kept) - 1] and kept[-1] == f"and {left} more")


@pytest.mark.parametrize("text", ["a" * 2_000, "@" * 2_000, "ü" * 2_000])
def test_a_line_of_text_is_never_long(text: str) -> None:
    assert size_of(prose(text)) < 6_000
    assert size_of(code(text)) < 1_100


def unescaped(markdown: str) -> str:
    """What is shown of it; fails at a mark that is no text."""
    text = markdown.replace("<span>$</span>", "$")
    shown, letters = [], iter(text)
    for letter in letters:
        assert letter not in "`*_[]<>#|~&@!", f"{letter!r} is a mark in {markdown!r}"
        shown.append(next(letters) if letter == "\\" else letter)
    return "".join(shown)


def code_content(markdown: str) -> str:
    """By CommonMark's rules: up to the next run of as many backticks; one space at each end goes."""
    fence = re.match("`+", markdown)
    assert fence is not None
    body = markdown[fence.end() :]
    ends = [run for run in re.finditer("`+", body) if len(run.group()) == len(fence.group())]
    assert [run.end() for run in ends] == [len(body)], f"{markdown!r} ends too early, or never"
    inside = body[: ends[0].start()]
    is_padded = inside.startswith(" ") and inside.endswith(" ") and inside.strip(" ") != ""
    return inside[1:-1] if is_padded else inside
