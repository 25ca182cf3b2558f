"""What asks for a commit in a release lane, as pure functions of the record: the moves are those of ``life_cycle``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.life_cycle import check_not_being_removed, check_not_superseded, continued, moved
from dagbranch.domain.promotion import Promotion


def requested_release(
    existing: Environment | None,
    *,
    repository_id: int,
    repository: str,
    default_branch: str,
    head_sha: str,
    number: int,
    lane: str,
    delivery: str,
    now: datetime,
    asked_digest: str | None = None,
    promotion: Promotion | None = None,
    deployment_id: int | None = None,
    rolls_back: bool = False,
) -> Environment:
    """The record that asks for a commit in a release lane; ``number`` is RELEASE or CANARY.

    ``asked_digest``: None where the archive is still to be made. A request under way for the same commit, to end in the
    same bytes, goes on; what it is told of how it came here is taken anew. A hold stays.
    """
    check_not_being_removed(existing, now)
    wanted_now = Environment(
        repository_id=repository_id,
        repository=repository,
        pull_number=number,
        lane=lane,
        status=Status.REQUESTED,
        head_sha=head_sha,
        branch=default_branch,
        requested_at=now,
        updated_at=now,
        asked_digest=asked_digest,
        promotion=promotion,
        deployment_id=deployment_id,
        rolls_back=rolls_back,
        delivery=delivery,
    )
    if existing is None or not existing.is_live:
        fresh = continued(existing, wanted_now)
        return replace(fresh, generation=fresh.generation + 1)
    return _asked_again(existing, wanted_now)


def _asked_again(existing: Environment, asked: Environment) -> Environment:
    under_way = _is_the_same_release(existing, asked)
    kept = existing if under_way else moved(existing, Status.REQUESTED)
    return replace(
        kept,
        repository=asked.repository,
        branch=asked.branch,
        head_sha=asked.head_sha,
        asked_digest=asked.asked_digest or (existing.asked_digest if under_way else None),
        takes_uploads=under_way and existing.takes_uploads,
        promotion=asked.promotion,
        deployment_id=asked.deployment_id,
        rolls_back=asked.rolls_back,
        guard=existing.guard if under_way else None,
        seeding=existing.seeding if under_way else (),
        generation=existing.generation if under_way else existing.generation + 1,
        requested_at=existing.requested_at if under_way else asked.requested_at,
        ready_at=existing.ready_at if under_way else None,
        changed_paths=None,
        unwanted="",
        updated_at=asked.updated_at,
        message="",
        delivery=asked.delivery,
    )


def _is_the_same_release(existing: Environment, asked: Environment) -> bool:
    """Whether a request is under way that ends in what is asked for: this commit in these bytes, and no way back."""
    if existing.status not in {Status.REQUESTED, Status.DEPLOYING} or existing.head_sha != asked.head_sha:
        return False
    digests = {existing.asked_digest, asked.asked_digest} - {None}
    zips = {one.promotion.zip_sha256 if one.promotion else None for one in (existing, asked)}
    return len(digests) < 2 and len(zips) == 1 and existing.rolls_back == asked.rolls_back


def with_asked_digest(environment: Environment, generation: int, source_digest: str) -> Environment:
    """The record of a release whose archive was made: no other one is deployed for this request."""
    check_not_superseded(environment, generation)
    return replace(environment, asked_digest=source_digest)


def awaiting_upload(environment: Environment, generation: int) -> Environment:
    """The record of a request whose archive a workflow uploads."""
    check_not_superseded(environment, generation)
    return replace(environment, takes_uploads=True)
