"""GitHub's own example payloads of every event, and ways to spoil them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import strategies as st

from local.node_packages import WEBHOOKS_EXAMPLES, NpmMissingError, read_json

USED = frozenset({"deployment", "deployment_status", "issue_comment", "merge_group", "pull_request", "push"})
_NESTED = "nested as deep as "
_HUGE = "a number with as many digits as "
_STRANGE: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400, 0.5, 1e308, "", "\ud800", "\x00", "1" * 70_000]),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    st.sampled_from([f"{_NESTED}{depth}" for depth in (100, 900, 5_000, 100_000)]),
    st.sampled_from([f"{_HUGE}{digits}" for digits in (100, 4_000, 5_000)]),
)

type Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Example:
    event: str
    payload: dict[str, Any]

    @property
    def body(self) -> bytes:
        return json.dumps(self.payload).encode()


@cache
def examples() -> list[Example]:
    """All that GitHub published, of every event; the test is skipped where there is no npm to fetch them."""
    try:
        events = read_json(WEBHOOKS_EXAMPLES, "api.github.com/index.json")
    except NpmMissingError as error:
        pytest.skip(str(error))
    return [Example(one["name"], payload) for one in events for payload in one["examples"]]


@cache
def used_examples() -> list[Example]:
    """Those of the events that dagbranch uses; comments once more as commands, and deployments as to a release lane."""
    used = [one for one in examples() if one.event in USED]
    commands = [Example(one.event, _as_command(one.payload)) for one in used if one.event == "issue_comment"]
    releases = [Example(one.event, _as_release(one.payload)) for one in used if "deployment" in one.payload]
    return used + commands + releases


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, str]:
    """An event's name and its payload as JSON text, up to four times changed: taken away, or made something else."""
    example = draw(st.sampled_from(used_examples()))
    payload: Any = copy.deepcopy(example.payload)
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(payload, ()))
        if not places:
            break
        _change(payload, draw(st.sampled_from(places)), None if draw(st.booleans()) else draw(st.tuples(_STRANGE)))
    return example.event, _text(payload)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """An event's name and a body that got broken on its way: cut, overwritten or made something else."""
    event, text = draw(spoiled())
    body = bytearray(text.encode(errors="surrogatepass"))
    start = draw(st.integers(0, max(0, len(body) - 1)))
    end = draw(st.integers(start, min(len(body), start + 50)))
    body[start:end] = draw(
        st.sampled_from([b"", b"\xff\xfe", b"\x00", b"NaN", b"{", b"]", b'"']) | st.binary(max_size=20)
    )
    return event, bytes(body[: draw(st.just(len(body)) | st.integers(0, len(body)))])


def _as_command(payload: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(payload)
    changed["issue"]["pull_request"] = {"url": changed["issue"]["url"]}
    changed["comment"]["body"] = "/dagbranch status"
    return changed


def _as_release(payload: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(payload)
    changed["deployment"]["environment"] = "prod"
    return changed


def _places(value: Any, way: Place) -> Iterator[Place]:
    """The way to everything inside of it; what the functions read is found more often than GitHub's many addresses."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        if not str(key).endswith("_url"):
            yield (*way, key)
            yield from _places(one, (*way, key))


def _change(payload: Any, place: Place, value: tuple[Any] | None) -> None:
    inside = payload
    for key in place[:-1]:
        inside = inside[key]
    if value is None:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value[0]


def _text(payload: Any) -> str:
    """JSON with what Python itself could not write: what is nested too deep, and numbers that are too long."""
    text = json.dumps(payload)
    text = re.sub(f'"{_NESTED}(\\d+)"', lambda found: "[" * int(found[1]) + "]" * int(found[1]), text)
    return re.sub(f'"{_HUGE}(\\d+)"', lambda found: "9" * int(found[1]), text)
