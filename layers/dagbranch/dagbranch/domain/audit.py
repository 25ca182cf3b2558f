"""The append-only record of who promoted, rolled back, held or skipped what in a lane, when and by which digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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
