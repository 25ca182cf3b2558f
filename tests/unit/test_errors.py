from __future__ import annotations

import inspect
import re

import pytest

from dagbranch import errors
from dagbranch.errors import DagbranchError, NotYetError, TransientUpstreamError, UpstreamError, asked_wait_seconds


def drawn_tree() -> dict[str, str | None]:
    """Each class of the docstring's drawing with its parent."""
    parents: dict[str, str | None] = {}
    open_branches: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([│├└─ ]*)(\w+Error)\b", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        parents[found[2]] = open_branches.get(depth - 1)
        open_branches[depth] = found[2]
    return parents


def test_the_docstring_draws_the_tree_of_the_classes() -> None:
    classes = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, DagbranchError)]

    assert drawn_tree() == {
        one.__name__: None if one is DagbranchError else (one.__base__ or object).__name__ for one in classes
    }


def test_every_error_is_a_message_for_a_person() -> None:
    error = NotYetError("it is still to come", retry_seconds=3)

    assert (str(error), error.retry_seconds) == ("it is still to come", 3)
    with pytest.raises(DagbranchError):
        raise error


def test_of_many_the_longest_time_counts_for_which_one_asks() -> None:
    failures = [UpstreamError("for good"), TransientUpstreamError("?"), TransientUpstreamError("!", retry_seconds=60)]

    assert asked_wait_seconds(failures) == 60
    assert asked_wait_seconds([]) == 0
