"""An environment's record → what stands at GitHub: the one comment, the check and the deployment of its head commit.

No event is believed: each is a reason to read the record and to put what differs, so no report goes back in time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from dagbranch.domain.environments import Environment
from dagbranch.domain.github_pages import GitHubPages
from dagbranch.domain.report_check import checks_to_put, group_check, id_to_edit, standing_at
from dagbranch.domain.report_comment import comment_of, comment_without_record
from dagbranch.domain.report_deployment import deployments_to_put
from dagbranch.domain.reports import (
    Answer,
    Check,
    Deployment,
    MergeGroup,
    Posted,
    PostedCheck,
    PostedDeployment,
    Reported,
)
from dagbranch.domain.requests import ReportRequest
from dagbranch.errors import TransientUpstreamError, UpstreamError, asked_wait_seconds, is_for_good
from dagbranch.ports import GitHubReports, Leases, Registry, Reports, Telemetry

_MOST_CHECKS: Final = 10
_MOST_ANSWERS: Final = 5


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
    leases: Leases
    telemetry: Telemetry


def report_status(request: ReportRequest | MergeGroup, *, by: Reporter) -> None:
    """What fails at GitHub keeps nothing else from being put, and is raised at the end; a limit ends it at once.

    Raises NotYetError while another worker is at the same pull request.
    """
    key = request.repository_id, request.pull_number
    by.telemetry.about(repository=request.repository, pull_number=request.pull_number, head_sha=request.head_sha)
    if request.repository.lower() not in by.allowed_repositories:
        by.telemetry.info("nothing is told: the repository is not on this stack's list")
        return
    with by.leases.held(f"report {request.repository_id}#{request.pull_number}", by.lease_seconds):
        record = by.registry.get(*key)
        telling = _Telling(by, record.repository if record else request.repository, by.reports.get(*key))
        if isinstance(request, MergeGroup):
            check = group_check(request.head_sha, record, by.lane, by.pages)
            telling.attempt("the check of a merge group", lambda: telling.put_check(check))
        else:
            _tell(request, record, telling)
    telling.raise_failures()


def _tell(request: ReportRequest, record: Environment | None, telling: _Telling) -> None:
    answer = request.answer
    if answer is not None:
        telling.attempt("a reaction", lambda: telling.react(answer))
        telling.add(answer)
    telling.attempt("the comment", lambda: telling.put_comment(record))
    if record is None:
        return
    for check in checks_to_put(record, telling.reported.checks, telling.by.pages):
        telling.attempt("a check", partial(telling.put_check, check))
    telling.attempt("a deployment", lambda: telling.put_deployments(record))


@dataclass
class _Telling:
    """Puts what differs from what stands, notes it at once, and collects what fails."""

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

    def react(self, answer: Answer) -> None:
        self.by.github.react(self.repository, answer.comment_id, answer.reaction)

    def add(self, answer: Answer) -> None:
        """It is noted with the comment that tells it."""
        others = [one for one in self.reported.answers if one.comment_id != answer.comment_id]
        latest = sorted([*others, answer], key=lambda one: (one.at, one.comment_id))
        self.reported = replace(self.reported, answers=tuple(latest[-_MOST_ANSWERS:]))

    def put_comment(self, record: Environment | None) -> None:
        answers, standing = self.reported.answers, self.reported.comment
        if (record is None and not answers) or (record is not None and _is_orphan(record) and standing is None):
            return
        text = comment_of(record, answers, self.by.pages) if record else comment_without_record(self.by.lane, answers)
        if standing is not None and standing.digest == _digest(text):
            return
        number = self.reported.pull_number
        put = self.by.github.put_comment(self.repository, number, text, standing.id if standing else None)
        self._note(replace(self.reported, comment=Posted(put, _digest(text))))

    def put_check(self, check: Check) -> None:
        standing = standing_at(check.head_sha, self.reported.checks)
        digest = _digest(repr(check))
        if standing is not None and standing.digest == digest:
            return
        put = self.by.github.put_check(self.repository, check, id_to_edit(check, standing))
        others = [one for one in self.reported.checks if one.head_sha != check.head_sha]
        checks = (*others, PostedCheck(check.head_sha, check.state, put, digest))[-_MOST_CHECKS:]
        self._note(replace(self.reported, checks=checks))

    def put_deployments(self, record: Environment) -> None:
        """Where they are switched off, what stands from before is ended."""
        for deployment, deployment_id in deployments_to_put(record, self.reported.deployment):
            if self.by.has_deployments or deployment.state == "inactive":
                self._put_deployment(deployment, deployment_id)

    def _put_deployment(self, deployment: Deployment, deployment_id: int | None) -> None:
        digest, standing = _digest(repr(deployment)), self.reported.deployment
        if standing is not None and (standing.id, standing.digest) == (deployment_id, digest):
            return
        put = self._deployment_put(deployment, deployment_id)
        posted = PostedDeployment(put, deployment.head_sha, deployment.state, digest)
        self._note(replace(self.reported, deployment=posted))

    def _deployment_put(self, deployment: Deployment, deployment_id: int | None) -> int | None:
        """Refused for good, as where the credentials have no right for it, it is told in the log, once for each
        pull request: what counts are the comment and the check.
        """
        try:
            return self.by.github.put_deployment(self.repository, deployment, deployment_id)
        except UpstreamError as error:
            if not is_for_good(error):
                raise
            if not self._was_refused():
                self.by.telemetry.warning("GitHub takes no deployment", reason=str(error))
            return deployment_id

    def _was_refused(self) -> bool:
        standing = self.reported.deployment
        return standing is not None and standing.id is None

    def _note(self, reported: Reported) -> None:
        """At once: what was made and is not on record would be made twice."""
        self.reported = self.by.reports.save(reported)


def _is_orphan(record: Environment) -> bool:
    """Whether it is a removal of what no record had claimed: of it, nobody was ever told."""
    return not record.branch


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
