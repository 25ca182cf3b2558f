"""What is told of the gates to the next lane: a check on the commit, a status of the deployment that asked for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from dagbranch.domain.gates import Gate, Outcome
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.releases import WANTED, Judged, Release, Verdict
from dagbranch.domain.report_check import MOST_SUMMARY_BYTES, MOST_TITLE
from dagbranch.domain.report_markdown import bounded, code, one_line, prose, table
from dagbranch.domain.report_release import MOST_DESCRIPTION
from dagbranch.domain.reports import Check, CheckState, PostedRelease, ReleaseState, ReleaseStatus

_CHECKS: Final[dict[Verdict, CheckState]] = {
    "waiting": "queued",
    "refused": "failure",
    "promoted": "success",
    "ended": "neutral",
}
_STATUSES: Final[dict[Verdict, ReleaseState]] = {
    "waiting": "queued",
    "refused": "failure",
    "promoted": "in_progress",
    "ended": "inactive",
}
_OUTCOMES: Final[dict[Outcome, str]] = {
    "passed": "✅ passed",
    "failed": "❌ failed",
    "later": "⏳ not yet",
    "skipped": "⏭️ skipped",
}
_ENDED: Final = frozenset({"success", "failure", "error", "inactive"})  # GitHub's words
_MOST_OF_A_DETAIL: Final = 500


def gates_name(target: str) -> str:
    return f"dagbranch/{target} gates"


def gates_check(release: Release, judged: Judged) -> Check:
    """All gates with their outcome, whatever the verdict."""
    return Check(
        name=gates_name(judged.target),
        head_sha=release.head_sha,
        state=_CHECKS[judged.verdict],
        title=one_line(_in_words(judged), MOST_TITLE),
        summary="\n".join(bounded(_summary(judged), MOST_SUMMARY_BYTES, lambda n: f"… and {n:,} more lines")),
    )


def gates_status(judged: Judged) -> ReleaseStatus | None:
    """Of the deployment that asked for it; None where nobody has made one."""
    if judged.deployment_id == WANTED:
        return None
    description = one_line(_in_words(judged), MOST_DESCRIPTION)
    return ReleaseStatus(judged.deployment_id, judged.target, _STATUSES[judged.verdict], description)


def is_overtaken(status: ReleaseStatus, told: PostedRelease | None, deployment: AskedDeployment | None) -> bool:
    """Whether the next lane, which the commit has been handed to, or GitHub itself, has told its end meanwhile."""
    if deployment is None:
        return True
    is_our_own = told is not None and told.state == deployment.status
    return status.state in {"in_progress", "inactive"} and deployment.status in _ENDED and not is_our_own


def deployment_under_way(release: Release, newest: AskedDeployment | None) -> int | None:
    """The one that serves this wish: somebody else made it, or its answer was lost."""
    if newest is None or newest.head_sha != release.head_sha or newest.status in _ENDED:
        return None
    return newest.id


def is_still_wanted(judged: Judged, newest: AskedDeployment | None) -> bool:
    """Whether nobody has made another deployment since all gates had passed: what people ask for comes first."""
    return judged.wants_deployment and (newest is None or newest.created_at < judged.at)


def wanted_description(release: Release) -> str:
    return f"all gates have passed for {release.head_sha[:7]}"


def _in_words(judged: Judged) -> str:
    what = f"{judged.target}, as a canary" if judged.is_canary else judged.target
    match judged.verdict:
        case "promoted":
            told = f"promoted to {what}{_listed(judged, {'skipped'}, ' without ')}"
        case "waiting":
            told = f"waiting for {what}{_listed(judged, {'later', 'failed'}, ': ')}"
        case "refused":
            told = f"not promoted to {what}{_listed(judged, {'failed'}, ': ')}"
        case "ended":
            told = f"not promoted to {what} any more"
    return f"{told}: {judged.message}" if judged.message else told


def _listed(judged: Judged, outcomes: Collection[Outcome], before: str) -> str:
    """One alone with its detail."""
    found = [gate for gate in judged.gates if gate.outcome in outcomes]
    if len(found) == 1 and found[0].outcome != "skipped":
        return f"{before}{found[0].name}, {found[0].detail}"
    return before + ", ".join(gate.name for gate in found) if found else ""


def _summary(judged: Judged) -> list[str]:
    asked = [f"Asked for by {code(judged.by)}, judged {judged.at:%Y-%m-%d %H:%M} UTC."] if judged.by else []
    message = [prose(judged.message), ""] if judged.message else []
    rows = [(code(gate.name), _OUTCOMES[gate.outcome], _detail(gate)) for gate in judged.gates]
    return [*message, *asked, "", *(table(("Gate", "Outcome", "Detail"), rows) if rows else [])]


def _detail(gate: Gate) -> str:
    return prose(gate.detail, _MOST_OF_A_DETAIL) if gate.detail else ""
