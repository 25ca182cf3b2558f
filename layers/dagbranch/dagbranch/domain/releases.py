"""What a release lane knows of every commit that was ever wanted in it, or in the next one: its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from dagbranch.domain.gates import Gate
from dagbranch.domain.promotion import Promotion

WANTED: Final = 0  # instead of GitHub's id: a deployment that dagbranch is to make by itself

type Verdict = Literal["waiting", "refused", "promoted", "ended"]


@dataclass(frozen=True)
class Judged:
    """What became of the newest deployment of this commit to the next lane, named ``target``.

    ``waiting``: all that fails may pass by itself, and dagbranch asks again; ``refused``: somebody has to do something;
    ``ended``: another commit was promoted meanwhile, or a rollback came. ``deployment_id`` is WANTED where all gates
    have passed, and nobody has made one yet.
    """

    deployment_id: int
    target: str
    by: str
    at: datetime
    verdict: Verdict
    gates: tuple[Gate, ...] = ()
    message: str = ""
    is_canary: bool = False

    @property
    def wants_deployment(self) -> bool:
        has_passed = all(gate.outcome in {"passed", "skipped"} for gate in self.gates)
        return self.deployment_id == WANTED and self.verdict in {"waiting", "promoted"} and has_passed


@dataclass(frozen=True)
class Release:
    """``ready_at``: when this lane's Airflow first listed all of it; ``until``: when another took its place here.

    ``promotion``: how it came here, None where a push brought it. ``revision`` counts the writes.
    """

    repository_id: int
    repository: str
    head_sha: str
    source_digest: str | None = None
    zip_sha256: str | None = None
    version: str | None = None
    ready_at: datetime | None = None
    until: datetime | None = None
    promotion: Promotion | None = None
    judged: Judged | None = None
    revision: int = 0

    @property
    def was_ready(self) -> bool:
        return self.ready_at is not None
