"""What the payload of a deployment asks of dagbranch, beside the deployment itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

type CanaryWish = Literal["take", "drop"]


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

    ``is_of_a_workflow``: GitHub Actions made it, so that its reviewers may still be asked until its newest ``status``
    is ``in_progress``. ``made_by_app``: that GitHub App's id. ``faults``: what is wrong in the payload.
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
    wish: ReleaseWish = field(default_factory=ReleaseWish)
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hold:
    """What stands is not replaced by what comes by itself, until somebody releases it."""

    by: str
    at: datetime
    reason: str
