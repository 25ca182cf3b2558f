"""What pip's log says of a download that failed: whose it is to mend, in our own words.

pip answers every failure with the same status; its log has said these sentences for years. They are those of the
pinned version, and a test has the real pip say each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from dagbranch.domain.requirements import Requirement
from dagbranch.errors import DagbranchError, InvalidRequirementsError, TransientUpstreamError, UpstreamError

_NOT_FETCHED: Final = re.compile(r"Could not fetch URL \S+: (.*) - skipping$", re.MULTILINE)
_SKIPPED: Final = re.compile(r"Skipping link: (.*): \S*/([^/\s#]+\.(?:whl|tar\.gz|zip))(?:#\S*)? \(from", re.MULTILINE)
_TOO_LARGE: Final = re.compile(r"File too large|No space left on device")
_MOST_NAMED: Final = 3


@dataclass(frozen=True)
class FailedRun:
    """``log`` is pip's verbose log file, ``said`` what it wrote on standard error."""

    log: str
    said: str


def why_it_failed(requirement: Requirement, run: FailedRun) -> DagbranchError:
    """The error to raise for a run of pip that was asked for this requirement alone."""
    where, log, said = requirement.where, run.log, run.said
    if (unfetched := _NOT_FETCHED.search(log)) is not None:
        return _unanswered(requirement, unfetched[1])
    if "DO NOT MATCH THE HASHES" in said:
        return InvalidRequirementsError(f"{where}: the wheel on the index has none of the hashes in the file")
    if _TOO_LARGE.search(log + said):
        return InvalidRequirementsError(f"{where}: the wheel is larger than a file may be")
    if "No matching distribution found" in said:
        return InvalidRequirementsError(f"{where}: {_unfit(requirement, log)}")
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "no word of it")
    if "ERROR: Exception:" in said:  # a connection that broke, in one of many ways
        return TransientUpstreamError(f"{where}: the download from the package index broke off: {last.strip()[:200]}")
    return UpstreamError(f"{where}: the package index did not give it: {last.strip()[:300]}")


def _unanswered(requirement: Requirement, reason: str) -> DagbranchError:
    status = re.match(r"(\d{3}) ", reason)
    if status is None or status[1] in {"408", "429"} or status[1] >= "500":
        return TransientUpstreamError(f"the package index cannot be reached: {reason[:200]}")
    if status[1] == "404":
        return InvalidRequirementsError(f"{requirement.where}: the index has no package of that name")
    return UpstreamError(
        f"the package index refuses to answer ({status[1]}): it has to be readable without a credential"
    )


def _unfit(requirement: Requirement, log: str) -> str:
    """Why none of the files of that version is a wheel that travels."""
    skipped = {file: reason for reason, file in _SKIPPED.findall(log) if _is_of(file, requirement)}
    pythons = sorted(reason for reason in skipped.values() if "Requires-Python" in reason)
    if pythons:
        return f"it is for another Python: {pythons[0]}"
    if not skipped:
        return "the index has no such version"
    named = ", ".join(sorted(skipped)[:_MOST_NAMED]) + (", …" if len(skipped) > _MOST_NAMED else "")
    return f"compiled, or not built yet: the index has only {named}; what travels is a pure wheel (py3-none-any)"


def _is_of(file: str, requirement: Requirement) -> bool:
    return Version(requirement.version) in _versions(file)


def _versions(file: str) -> Iterator[Version]:
    try:
        yield parse_wheel_filename(file)[1] if file.endswith(".whl") else parse_sdist_filename(file)[1]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return
