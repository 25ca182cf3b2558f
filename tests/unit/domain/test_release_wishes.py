from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.release_wishes import ReleaseWish, read_wish

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["hold", "skip", "reason", "canary"])


@pytest.mark.parametrize(
    ("asked", "wish"),
    [
        ({}, ReleaseWish()),
        ({"hold": True}, ReleaseWish(hold=True)),
        ({"hold": False, "reason": "over"}, ReleaseWish(hold=False, reason="over")),
        (
            {"skip": ["soak", "data", "soak"], "reason": " a\n hot-fix "},
            ReleaseWish(None, ("soak", "data"), "a hot-fix"),
        ),
        ({"skip": []}, ReleaseWish()),
        ({"canary": True}, ReleaseWish(canary="take")),
        ({"canary": "drop"}, ReleaseWish(canary="drop")),
        ({"canary": False, "hold": True}, ReleaseWish(hold=True)),
    ],
)
def test_what_is_asked_for_is_read(asked: dict[str, Any], wish: ReleaseWish) -> None:
    assert read_wish({"dagbranch": asked}) == (wish, ())
    assert read_wish(json.dumps({"dagbranch": asked})) == (wish, ())


@pytest.mark.parametrize("payload", [None, "", "{", "[1]", 7, [], {"other": {"hold": 1}}, {}, "[" * 100_000])
def test_what_is_not_for_us_asks_nothing(payload: object) -> None:
    assert read_wish(payload) == (ReleaseWish(), ())


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ([], 'dagbranch: expected an object such as {"skip": ["soak"], "reason": "…"}'),
        ({"holds": True}, "dagbranch: unknown key 'holds': expected one of hold, skip, reason, canary"),
        ({"hold": "yes"}, "dagbranch.hold: expected true or false"),
        ({"hold": None}, "dagbranch.hold: expected true or false"),
        ({"hold": 1}, "dagbranch.hold: expected true or false"),
        ({"canary": 1}, 'dagbranch.canary: expected true, false or "drop"'),
        ({"canary": "take"}, 'dagbranch.canary: expected true, false or "drop"'),
        ({"canary": True, "hold": True}, "dagbranch: hold and canary: expected one of them"),
        ({"reason": 7}, "dagbranch.reason: expected text"),
        ({"reason": "x" * 501}, "dagbranch.reason: expected at most 500 characters"),
        ({"reason": "a\x1b[31m"}, "dagbranch.reason: expected at most 500 characters, none of them a control"),
        ({"skip": "soak", "reason": "r"}, "dagbranch.skip: expected a list of gates' names"),
        ({"skip": [1], "reason": "r"}, "dagbranch.skip: expected a list of gates' names"),
        ({"skip": ["soak"]}, "dagbranch.reason: missing: gates are skipped with a reason alone"),
        ({"skip": ["soak"], "reason": "  "}, "dagbranch.reason: missing"),
        (
            {"skip": ["hold"], "reason": "r"},
            "dagbranch.skip: the gate hold is never skipped: release it with hold: false",
        ),
        ({"skip": ["ready"], "reason": "r"}, "dagbranch.skip: the gate ready is never skipped"),
        ({"skip": ["sleep"], "reason": "r"}, "dagbranch.skip: there is no gate 'sleep': expected some of checks, data"),
    ],
)
def test_what_is_wrong_is_told_and_then_nothing_is_asked(asked: Any, fault: str) -> None:
    wish, faults = read_wish({"dagbranch": asked})

    assert wish == ReleaseWish()
    assert faults[0].startswith(fault)


@pytest.mark.slow
@given(st.dictionaries(keys, json_values, max_size=4) | json_values)
def test_whatever_strangers_send_is_a_wish_or_a_short_fault(asked: Any) -> None:
    wish, faults = read_wish({"dagbranch": asked})

    assert not faults or wish == ReleaseWish()
    assert len(faults) <= 3
    assert all(len(fault) < 300 for fault in faults)
    assert len(wish.reason) <= 500
    assert wish.reason.isprintable()
