"""What all that is told at GitHub has in common: what differs from what stands is put, noted at once, and failures
are collected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from dagbranch.domain.github_pages import GitHubPages
from dagbranch.domain.report_check import id_to_edit, standing_at
from dagbranch.domain.reports import Check, PostedCheck, Reported
from dagbranch.errors import TransientUpstreamError, UpstreamError, asked_wait_seconds, is_for_good
from dagbranch.ports import GitHubReports, Leases, Registry, Releases, ReleasesAtGitHub, Reports, Telemetry

_MOST_CHECKS: Final = 10


@dataclass(frozen=True)
class Reporter:
    """``lease_seconds``: after that time this worker is no more, so that it puts nothing late."""

    lane: str
    allowed_repositories: frozenset[str]  # lower case
    has_deployments: bool
    lease_seconds: int
    pages: GitHubPages
    registry: Registry
    reports: Reports
    github: GitHubReports
    ledger: Releases
    deployments: ReleasesAtGitHub
    leases: Leases
    telemetry: Telemetry


@dataclass
class Telling:
    """``reported`` is what stands of one pull request, or of one environment of a release lane."""

    by: Reporter
    repository: str
    reported: Reported
    failures: list[UpstreamError] = field(default_factory=list)

    def attempt(self, what: str, put: Callable[[], None]) -> None:
        """Not where GitHub has asked to be left alone: each further write would make that longer."""
        if asked_wait_seconds(self.failures):
            return
        try:
            put()
        except UpstreamError as error:
            self.by.telemetry.warning("cannot be told at GitHub", what=what, reason=str(error))
            self.failures.append(error)

    def raise_failures(self) -> None:
        """As one that passes where trying again may help."""
        if not self.failures:
            return
        told = "; ".join(map(str, self.failures))
        if all(is_for_good(one) for one in self.failures):
            raise UpstreamError(told) from self.failures[0]
        raise TransientUpstreamError(told, retry_seconds=asked_wait_seconds(self.failures)) from self.failures[0]

    def put_check(self, check: Check) -> None:
        if (checks := self._checks_with(check, self.reported.checks)) is not None:
            self.note(replace(self.reported, checks=checks))

    def put_gates(self, check: Check) -> None:
        """Of the same commits as the checks of what stands, under another name."""
        if (gates := self._checks_with(check, self.reported.gates)) is not None:
            self.note(replace(self.reported, gates=gates))

    def note(self, reported: Reported) -> None:
        """At once: what was made and is not on record would be made twice."""
        self.reported = self.by.reports.save(reported)

    def _checks_with(self, check: Check, posted: tuple[PostedCheck, ...]) -> tuple[PostedCheck, ...] | None:
        """What stands once this check is put; None where it stands already."""
        standing = standing_at(check.head_sha, posted)
        digest = digest_of(repr(check))
        if standing is not None and standing.digest == digest:
            return None
        put = self.by.github.put_check(self.repository, check, id_to_edit(check, standing))
        others = [one for one in posted if one.head_sha != check.head_sha]
        return (*others, PostedCheck(check.head_sha, check.state, put, digest))[-_MOST_CHECKS:]


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
