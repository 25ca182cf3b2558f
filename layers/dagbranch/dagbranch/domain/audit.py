"""The append-only record of who promoted, rolled back, held or skipped what in a lane, when and by which digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from dagbranch.domain.environments import Environment
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.releases import Release

OURSELVES: Final = "dagbranch"

type Deed = Literal[
    "deployed",  # ready in this lane
    "promoted",  # handed to the next one
    "refused",  # by its gates, or by the next lane
    "rolled back",
    "held",
    "released",  # from a hold
    "canary",  # taken in beside the current one
    "dropped",  # a canary
    "repaired",  # by the sweep
]


@dataclass(frozen=True)
class AuditEntry:
    """``by`` is a login at GitHub, or dagbranch; ``details`` in words, such as the gates that were skipped and why."""

    lane: str
    at: datetime
    deed: Deed
    by: str
    repository_id: int
    repository: str
    head_sha: str
    source_digest: str | None = None
    details: str = ""


def deployed(release: Release, record: Environment) -> AuditEntry:
    """What became ready here. The same for every event that tells of it."""
    assert release.ready_at is not None, "it is not ready"
    promotion, details = release.promotion_of_it, "rolled back" if record.rolls_back else ""
    by = OURSELVES if promotion is None or record.rolls_back else promotion.by
    return _of(release, record.lane, "deployed", by, release.ready_at, details)


def judged(release: Release, lane: str) -> AuditEntry | None:
    """What the gates to the next lane, or this lane, decided of a deployment; None of what is no decision."""
    found = release.judged
    if found is None or not found.by or found.verdict not in {"promoted", "refused"}:
        return None
    if found.verdict == "refused":
        failed = ", ".join(f"{gate.name}: {gate.detail}" for gate in found.gates if gate.outcome == "failed")
        return _of(release, lane, "refused", found.by, found.at, f"to {found.target}: {found.message or failed}")
    skipped = "; ".join(f"without {gate.name}, {gate.detail}" for gate in found.gates if gate.outcome == "skipped")
    what = f"to {found.target}" + (", as a canary" if found.is_canary else "")
    return _of(release, lane, "promoted", found.by, found.at, f"{what}; {skipped}" if skipped else what)


def rolled_back(asked: AskedDeployment, release: Release, lane: str, at: datetime) -> AuditEntry:
    return _of(release, lane, "rolled back", asked.creator, at, asked.wish.reason)


def held(asked: AskedDeployment, lane: str) -> AuditEntry:
    """Of a deployment that says something of holding the lane."""
    deed: Deed = "released" if asked.wish.hold is False else "held"
    return _of_deployment(asked, lane, deed, asked.created_at, asked.wish.reason)


def dropped(asked: AskedDeployment, lane: str) -> AuditEntry:
    return _of_deployment(asked, lane, "dropped", asked.created_at, asked.wish.reason)


def taken_as_canary(record: Environment, promotion: Promotion) -> AuditEntry:
    return AuditEntry(
        record.lane,
        record.requested_at,
        "canary",
        promotion.by,
        record.repository_id,
        record.repository,
        record.head_sha,
        promotion.source_digest,
    )


def repaired(record: Environment, why: str) -> AuditEntry:
    return AuditEntry(
        record.lane,
        record.requested_at,
        "repaired",
        OURSELVES,
        record.repository_id,
        record.repository,
        record.head_sha,
        record.asked_digest,
        why,
    )


def turned_away(key: SourceArchiveKey, repository_id: int, by: str, lane: str, at: datetime, why: str) -> AuditEntry:
    """An archive that was put here and that the lane before did not promote to this one."""
    return AuditEntry(lane, at, "refused", by, repository_id, key.repository, key.head_sha, key.source_digest, why)


def _of(release: Release, lane: str, deed: Deed, by: str, at: datetime, details: str) -> AuditEntry:
    return AuditEntry(
        lane, at, deed, by, release.repository_id, release.repository, release.head_sha, release.source_digest, details
    )


def _of_deployment(asked: AskedDeployment, lane: str, deed: Deed, at: datetime, details: str) -> AuditEntry:
    return AuditEntry(
        lane, at, deed, asked.creator, asked.repository_id, asked.repository, asked.head_sha, None, details
    )
