"""Warns where a lane's section of ``dagbranch.yaml`` is less strict than that of the lane before.

Each lane is to catch what the one before let through: what only the earlier one demands is mostly an oversight.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import pairwise

from dagbranch.domain.naming import LANES
from dagbranch.domain.specification import LaneSettings, PipelineFile, PreviewSettings, Promotion, ReleaseSettings
from dagbranch.domain.strict_yaml import Document, Fault

type _Finding = tuple[str, str]  # the key below the lane, and what is said of it
type _AnySettings = PreviewSettings | ReleaseSettings


def less_strict(pipeline_file: PipelineFile, document: Document) -> tuple[Fault, ...]:
    """One for each key, at its line, or at its section's where it is missing. Lanes without a section are left out."""
    given = [lane for lane in LANES if ("lanes", lane) in document.lines]
    findings = [
        (lane, finding)
        for before, lane in pairwise(given)
        for finding in _findings(before, pipeline_file.settings(before), pipeline_file.settings(lane))
    ]
    findings += [(lane, finding) for lane in given for finding in _open_door(pipeline_file.settings(lane))]
    return tuple(_fault(lane, key, text, document) for lane, (key, text) in findings)


def _fault(lane: str, key: str, text: str, document: Document) -> Fault:
    path = ("lanes", lane, *key.split("."))
    return Fault(path, document.line_of(path), text)


def _findings(before: str, earlier: _AnySettings, later: _AnySettings) -> Iterator[_Finding]:
    yield from _retries(before, _retries_of(earlier), _retries_of(later))
    if earlier.alerts and not later.alerts:
        yield "alerts", f"nobody is told of a failure here, and in {before} somebody is"
    if earlier.schedules and not later.schedules:
        yield "schedules", f"nothing runs by its schedule here, and in {before} it does"
    if later.emails is False and earlier.emails is not False:
        yield "emails", f"tasks send none when they fail, and in {before} they do as their code says"
    yield from _missing_keys(before, earlier, later)
    if isinstance(earlier, ReleaseSettings) and isinstance(later, ReleaseSettings):
        demanded = earlier.promotion if "promotion" in earlier.model_fields_set else later.promotion
        yield from _gates(before, demanded, later.promotion)


def _retries_of(settings: _AnySettings) -> int | None:
    """None where the code's own count."""
    is_code_alone = "as_written" in settings.model_fields_set and settings.as_written
    return None if is_code_alone else settings.retries


def _retries(before: str, earlier: int | None, later: int | None) -> Iterator[_Finding]:
    if earlier and later is None:
        yield "retries", f"left to the DAGs' code, and {before} has {earlier}"
    elif earlier and later is not None and later < earlier:
        yield "retries", f"{later} is fewer than the {earlier} of {before}"


def _missing_keys(before: str, earlier: LaneSettings, later: LaneSettings) -> Iterator[_Finding]:
    """Keys of the pipelines' own, and connections: DAGs that ask for them fail in the later lane alone."""
    for key in ("src_conn", "dst_conn", "bucket"):
        if getattr(earlier, key) and not getattr(later, key):
            yield key, f"missing, and {before} has it: DAGs that ask for it find nothing here"
    own = later.model_extra or {}
    for key in (key for key, value in (earlier.model_extra or {}).items() if value is not None and key not in own):
        yield key, f"missing, and {before} has it: DAGs that ask for it find nothing here"


def _gates(before: str, earlier: Promotion, later: Promotion) -> Iterator[_Finding]:
    if later.soak_time < earlier.soak_time:
        yield "promotion.soak", f"{later.soak} is shorter than the {earlier.soak} of {before}"
    dropped = {
        "promotion.checks": () if "*" in later.checks else _without(earlier.checks, later.checks),
        "promotion.runs": _without(earlier.runs, later.runs),
        "promotion.data_checks": _without(earlier.data_checks, later.data_checks),
    }
    for key, names in dropped.items():
        if names:
            yield key, f"asked for in {before}, and not here: {', '.join(names)}"
    if later.auto and not earlier.auto:
        yield "promotion.auto", f"commits come by themselves here, and in {before} somebody asks for them"


def _without(earlier: Iterable[str], later: Container[str]) -> tuple[str, ...]:
    return tuple("all" if one == "*" else one for one in earlier if one not in later)


def _open_door(settings: _AnySettings) -> Iterator[_Finding]:
    """What is a choice of its own, but hardly meant: whatever is ready in the lane before goes on by itself."""
    if not isinstance(settings, ReleaseSettings):
        return
    gates = settings.promotion
    if gates.auto and not (gates.soak_time or gates.runs or gates.data_checks):
        yield "promotion.auto", "commits come by themselves as soon as they are ready: no soak, runs or data_checks"
    if not gates.checks:
        yield "promotion.checks", "no check at GitHub has to be green"
