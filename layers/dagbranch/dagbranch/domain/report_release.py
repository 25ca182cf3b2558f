"""What is told of a release lane's environment beside its check: how it came there, and how its deployments stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.release_wishes import Hold
from dagbranch.domain.report_markdown import code, one_line, prose, table
from dagbranch.domain.report_words import headline, is_of_this_request, reason
from dagbranch.domain.reports import PostedRelease, ReleaseState, ReleaseStatus

MOST_DESCRIPTION: Final = 140
_PENDING: Final[frozenset[ReleaseState]] = frozenset({"queued", "in_progress"})
_STATES: Final[dict[Status, ReleaseState]] = {
    Status.REQUESTED: "queued",
    Status.DEPLOYING: "in_progress",
    Status.READY: "success",
    Status.FAILED: "failure",
}


def release_lines(record: Environment) -> list[str]:
    """Which bytes it is, and who brought them: what people look for when something is wrong in production."""
    if not record.is_of_a_release:
        return []
    rows = [*_archive_rows(record), *_promotion_rows(record.promotion), *_hold_rows(record.held)]
    return [*table(("Release", ""), rows), ""] if rows else []


def release_statuses(record: Environment, told: Iterable[PostedRelease]) -> list[ReleaseStatus]:
    """Of the deployment that this record answers, and an end for those before it, in the order to be told.

    The one before stays active until this one is ready.
    """
    others = [one for one in told if one.environment == record.lane and one.deployment_id != record.asked_by]
    is_ready = record.status == Status.READY
    over = [one for one in others if one.state in _PENDING or (one.state == "success" and is_ready)]
    return [*_own(record), *(_superseded(one, record) for one in over)]


def _archive_rows(record: Environment) -> Iterator[tuple[str, str]]:
    half = record.pipeline if is_of_this_request(record, record.pipeline) else None
    if digest := half.source_digest if half else record.asked_digest:
        yield "Source archive", code(digest)
    if half is not None and half.zip_sha256 is not None:
        yield "Packaged DAG", f"{code(half.zip_sha256)}, made by dagbranch {code(half.version or '?')}"


def _promotion_rows(promotion: Promotion | None) -> Iterator[tuple[str, str]]:
    if promotion is None:
        return
    yield "Promoted", f"from {code(promotion.source)} by {code(promotion.by)}, {promotion.at:%Y-%m-%d %H:%M} UTC"
    if promotion.skipped:
        yield "Gates skipped", ", ".join(map(code, promotion.skipped))


def _hold_rows(hold: Hold | None) -> Iterator[tuple[str, str]]:
    if hold is not None:
        yield "Held", f"by {code(hold.by)}, {hold.at:%Y-%m-%d %H:%M} UTC: {prose(hold.reason)}"


def _own(record: Environment) -> list[ReleaseStatus]:
    if record.asked_by is None:
        return []
    url = record.pages.of_environment(record.name) if record.pages and record.name and record.is_live else None
    state = _STATES.get(record.status, "inactive")
    return [ReleaseStatus(record.asked_by, record.lane, state, _description(record), url)]


def _superseded(one: PostedRelease, record: Environment) -> ReleaseStatus:
    description = f"superseded by {record.head_sha[:7]}"
    return ReleaseStatus(one.deployment_id, one.environment, "inactive", description)


def _description(record: Environment) -> str:
    why = reason(record)
    return one_line(f"{headline(record)}: {why}" if why else headline(record), MOST_DESCRIPTION)
