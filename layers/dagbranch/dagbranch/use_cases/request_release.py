"""A commit whose archive is in this lane's own bucket → a request on record: promoted, gone back to, repaired."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.release_requests import requested_release
from dagbranch.domain.release_wishes import Hold
from dagbranch.use_cases.gather_gates import read_archive
from dagbranch.use_cases.note_request import note_release
from dagbranch.use_cases.promotion_work import Promoter


@dataclass(frozen=True)
class Wanted:
    """``deployment_id``: of another deployment than the promotion's. ``held``: what holds the lane from now on."""

    repository_id: int
    key: SourceArchiveKey
    branch: str  # the default one
    delivery: str
    promotion: Promotion | None
    deployment_id: int | None = None
    rolls_back: bool = False
    held: Hold | None = None


def request_release(wanted: Wanted, existing: Environment | None, by: Promoter) -> Environment:
    """What the commit demands of its data is read from the archive itself.

    Raises SupersededError where that is gone, SourceError where it is not what it was, NotYetError while an older
    environment of the name is being removed, TransientUpstreamError where another writer came first.
    """
    archive = read_archive(wanted.key, by)
    asked = requested_release(
        existing,
        repository_id=wanted.repository_id,
        repository=wanted.key.repository,
        default_branch=wanted.branch,
        head_sha=wanted.key.head_sha,
        number=wanted.key.pull_number,
        lane=by.lane,
        delivery=wanted.delivery,
        now=by.now,
        asked_digest=wanted.key.source_digest,
        promotion=wanted.promotion,
        deployment_id=wanted.deployment_id,
        rolls_back=wanted.rolls_back,
    )
    data = archive.pipeline_file.data_of(by.lane, is_canary=asked.is_canary)
    asked = replace(asked, guard=DataGuard.of(data), held=wanted.held)
    noted = note_release(asked, registry=by.registry, dags=by.dags, artifacts=by.artifacts)
    by.telemetry.about(environment=noted.name, head_sha=noted.head_sha)
    if noted.status == Status.REFUSED:
        by.telemetry.warning("refused", reason=noted.message)
    return noted
