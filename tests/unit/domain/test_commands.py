from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.commands import COMMANDS, Command, UnknownCommand, command_in
from tests.fakes.examples import FIRST


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"schedules"}))
@pytest.mark.parametrize(
    "comment", ["/dagbranch {}", "  /dagbranch   {}  ", "/dagbranch {}\r\nplease\r\n", "\n/dagbranch {}\n"]
)
def test_a_command_is_the_first_line_of_a_comment(name: str, comment: str) -> None:
    found = command_in(comment.format(name))

    assert found == Command(name)  # type: ignore[arg-type] # one of the names
    assert str(found) == name


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        (f"/dagbranch deploy {FIRST}", Command("deploy", FIRST)),
        ("/dagbranch deploy 1234567", Command("deploy", "1234567")),
        ("/dagbranch schedules on", Command("schedules", "on")),
        ("/dagbranch schedules off", Command("schedules", "off")),
    ],
)
def test_some_commands_have_an_argument(comment: str, expected: Command) -> None:
    assert command_in(comment) == expected


@pytest.mark.parametrize(
    "words",
    [
        "",
        "help",
        "deploy 123456",
        "deploy HEAD",
        "deploy 1234567 now",
        "schedules",
        "schedules maybe",
        "Deploy",
        "remove x",
    ],
)
def test_what_is_no_command_is_repeated_shortly(words: str) -> None:
    assert command_in(f"/dagbranch {words}") == UnknownCommand(words)
    assert command_in(f"/dagbranch {words} {'x' * 1_000}") == UnknownCommand(f"{words} {'x' * 1_000}".strip()[:60])


@pytest.mark.parametrize(
    "comment", ["", "please /dagbranch deploy", "/dagbranchdeploy", "> /dagbranch deploy", "thanks\n/dagbranch deploy"]
)
def test_other_comments_are_none(comment: str) -> None:
    assert command_in(comment) is None


@given(st.text())
def test_any_text_is_read(comment: str) -> None:
    found = command_in(comment)

    assert found is None or len(str(found)) <= 60


@pytest.mark.parametrize(
    "comment", ["/dagbranch x" + " " * 65_000 + "y", "/dagbranch x" + " " * 65_000 + "\ry", " " * 65_536]
)
def test_the_longest_comment_is_read_in_no_time(comment: str) -> None:
    started = time.monotonic()
    command_in(comment)

    assert time.monotonic() - started < 1
