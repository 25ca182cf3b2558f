"""What the payload of a deployment asks of dagbranch, beside the deployment itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

from dagbranch.domain.gates import SKIPPABLE, UNSKIPPABLE

type CanaryWish = Literal["take", "drop"]

_KEYS: Final = ("hold", "skip", "reason", "canary")
_LONGEST_REASON: Final = 500
_LONGEST_TOLD: Final = 60
_MOST_FAULTS: Final = 3
_CANARY: Final[Mapping[object, CanaryWish | None]] = {True: "take", False: None, "drop": "drop"}


@dataclass(frozen=True)
class ReleaseWish:
    """``{"dagbranch": {"hold": true, "skip": ["soak"], "reason": "…", "canary": true}}`` in GitHub's payload.

    ``hold``: True keeps what stands from being replaced, False releases it; None leaves that as it is. ``skip``: gates
    that are not asked, which needs a reason. ``canary``: take this commit beside the current one, or drop that.
    """

    hold: bool | None = None
    skip: tuple[str, ...] = ()
    reason: str = ""
    canary: CanaryWish | None = None


@dataclass(frozen=True)
class AskedDeployment:
    """A deployment as GitHub tells it at this moment. ``environment`` is GitHub's word: for us a lane.

    ``is_of_a_workflow``: GitHub Actions made it, so that its reviewers may still be asked until it ``has_begun``: that
    stays true, whatever its newest ``status`` is, which may be ours. ``creator`` of what a job with an ``environment``
    makes is who started the workflow; with the workflow's token anybody who may push makes one of
    ``github-actions[bot]``, and asks no reviewer. ``made_by_app``: that GitHub App's id. ``faults``: what is wrong in
    the payload.
    """

    id: int
    repository_id: int
    repository: str
    environment: str
    head_sha: str
    creator: str
    is_of_a_workflow: bool
    created_at: datetime
    status: str | None = None
    made_by_app: int | None = None
    has_begun: bool = False
    wish: ReleaseWish = field(default_factory=ReleaseWish)
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hold:
    """What stands is not replaced by what comes by itself, until somebody releases it."""

    by: str
    at: datetime
    reason: str


def read_wish(payload: object) -> tuple[ReleaseWish, tuple[str, ...]]:
    """What GitHub's ``payload`` asks, and what is wrong with it: then nothing is asked.

    It may be an object, or text that holds one; what is under other keys than ``dagbranch`` is somebody else's.
    """
    asked = _object(payload).get("dagbranch", {})
    if not isinstance(asked, dict):
        return ReleaseWish(), ('dagbranch: expected an object such as {"skip": ["soak"], "reason": "…"}',)
    faults = tuple(f"dagbranch{fault}" for fault in islice(_faults(asked), _MOST_FAULTS))
    return (ReleaseWish() if faults else _wish(asked)), faults


def _object(payload: object) -> Mapping[str, Any]:
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except (ValueError, RecursionError):
            return {}
    return payload if isinstance(payload, dict) else {}


def _wish(asked: Mapping[str, Any]) -> ReleaseWish:
    return ReleaseWish(
        hold=asked.get("hold"),
        skip=tuple(dict.fromkeys(asked.get("skip", ()))),
        reason=_one_line(asked.get("reason", "")),
        canary=_CANARY[asked.get("canary", False)],
    )


def _faults(asked: Mapping[str, Any]) -> Iterator[str]:
    for key in asked:
        if key not in _KEYS:
            yield f": unknown key {_told(key)}: expected one of {', '.join(_KEYS)}"
    if not isinstance(asked.get("hold", False), bool):
        yield ".hold: expected true or false"
    if not _is_canary(asked.get("canary", False)):
        yield '.canary: expected true, false or "drop"'
    if asked.get("canary", False) is not False and "hold" in asked:
        yield ": hold and canary: expected one of them: a canary takes nobody's place"
    yield from _faults_of_reason(asked.get("reason", ""))
    yield from _faults_of_skip(asked.get("skip", []), asked.get("reason", ""))


def _is_canary(value: object) -> bool:
    return isinstance(value, bool) or value == "drop"


def _faults_of_reason(reason: object) -> Iterator[str]:
    if not isinstance(reason, str):
        yield ".reason: expected text"
    elif len(reason) > _LONGEST_REASON or not _one_line(reason).isprintable():
        yield f".reason: expected at most {_LONGEST_REASON} characters, none of them a control character"


def _faults_of_skip(skip: object, reason: object) -> Iterator[str]:
    if not isinstance(skip, list) or not all(isinstance(one, str) for one in skip):
        yield ".skip: expected a list of gates' names"
        return
    for name in dict.fromkeys(skip):
        if name in UNSKIPPABLE:
            yield f".skip: the gate {name} is never skipped: {UNSKIPPABLE[name]}"
        elif name not in SKIPPABLE:
            yield f".skip: there is no gate {_told(name)}: expected some of {', '.join(sorted(SKIPPABLE))}"
    if skip and not (isinstance(reason, str) and reason.strip()):
        yield ".reason: missing: gates are skipped with a reason alone"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _told(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]}…")
