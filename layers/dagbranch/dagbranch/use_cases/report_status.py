"""An environment's record, or a release lane's ledger → what stands at GitHub.

No event is believed: each is a reason to read them and to put what differs, so no report goes back in time.
"""

from __future__ import annotations

from dagbranch.domain.naming import RELEASE, report_lease
from dagbranch.domain.report_check import group_check
from dagbranch.domain.reports import MergeGroup
from dagbranch.domain.requests import JudgedRequest, ReportRequest
from dagbranch.use_cases.tell_preview import tell_preview
from dagbranch.use_cases.tell_release import tell_judged, tell_release
from dagbranch.use_cases.telling import Reporter, Telling


def report_status(request: ReportRequest | MergeGroup | JudgedRequest, *, by: Reporter) -> None:
    """What fails at GitHub keeps nothing else from being put, and is raised at the end; a limit ends it at once.

    Raises NotYetError while another worker is at the same pull request, or environment of a release lane.
    """
    number = RELEASE if isinstance(request, JudgedRequest) else request.pull_number
    by.telemetry.about(repository=request.repository, pull_number=number, head_sha=request.head_sha)
    if request.repository.lower() not in by.allowed_repositories:
        by.telemetry.info("nothing is told: the repository is not on this stack's list")
        return
    with by.leases.held(report_lease(request.repository_id, number), by.lease_seconds):
        reported = by.reports.get(request.repository_id, number)
        telling = Telling(by, request.repository, reported)
        _tell(request, telling)
    telling.raise_failures()


def _tell(request: ReportRequest | MergeGroup | JudgedRequest, telling: Telling) -> None:
    by = telling.by
    if isinstance(request, JudgedRequest):
        release = by.ledger.get(request.repository_id, request.head_sha)
        telling.repository = release.repository if release else request.repository
        tell_judged(release, telling)
        return
    record = by.registry.get(request.repository_id, request.pull_number)
    telling.repository = record.repository if record else request.repository
    if isinstance(request, MergeGroup):
        check = group_check(request.head_sha, record, by.lane, by.pages)
        telling.attempt("the check of a merge group", lambda: telling.put_check(check))
    elif record is not None and record.is_of_a_release:
        tell_release(record, telling)
    elif request.pull_number > 0:
        tell_preview(record, request.answer, telling)
