"""The schedule: what came by no event, gates that pass with time, and what a worker that died has left undone."""

from __future__ import annotations

from collections.abc import Iterator

from dagbranch.domain.environments import Environment
from dagbranch.domain.naming import RELEASE
from dagbranch.domain.release_jobs import is_answered
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.errors import (
    NotYetError,
    SourceError,
    SupersededError,
    TransientUpstreamError,
    UpstreamError,
    is_for_good,
)
from dagbranch.use_cases.judge_promotion import judge_promotion
from dagbranch.use_cases.note_ready import ask_again, note_ready
from dagbranch.use_cases.promotion_work import Promoter
from dagbranch.use_cases.roll_back import answer_deployment


def tick(by: Promoter) -> None:
    """One repository after the other: what cannot be asked of one keeps no other from its turn.

    Raises at the end UpstreamError that tells of each.
    """
    faults: list[UpstreamError] = []
    records = {one.repository.lower(): one for one in by.registry.all(by.lane) if one.pull_number == RELEASE}
    for repository in sorted(by.allowed_repositories):
        try:
            _look_at(repository, records.get(repository), by)
        except (NotYetError, SourceError, SupersededError) as error:
            by.telemetry.info("left to another worker, or the next time", reason=str(error), of=repository)
        except UpstreamError as error:
            by.telemetry.warning("could not be asked", reason=str(error), of=repository)
            faults.append(error)
    _raise(faults)
    by.telemetry.count("ReleaseTick")


def _raise(faults: list[UpstreamError]) -> None:
    if not faults:
        return
    told = "; ".join(map(str, faults))
    raise UpstreamError(told) if any(map(is_for_good, faults)) else TransientUpstreamError(told)


def _look_at(repository: str, record: Environment | None, by: Promoter) -> None:
    by.telemetry.about(repository=repository)
    repository_id = record.repository_id if record is not None else None
    if by.first_release_lane:
        repository_id = _fetch_missed(repository, record, by)
    if repository_id is None:  # it has never come here
        return
    with by.at_work_on(repository_id):
        if record is not None and record.ready_at is not None:
            note_ready(record, record.generation, by)
        for asked in _unanswered(repository, repository_id, by):
            if asked.environment == by.lane:
                answer_deployment(asked, by)
            else:
                judge_promotion(asked, by)
        ask_again(repository_id, None, by)


def _fetch_missed(repository: str, record: Environment | None, by: Promoter) -> int | None:
    """The repository's id, once what was pushed and no event told of is asked for; None where GitHub has no such."""
    branch = by.github.default_branch(repository)
    if branch is None:
        return None
    if record is None or (record.head_sha != branch.head_sha and record.held is None):
        by.have_head_fetched(branch)
    return branch.repository_id


def _unanswered(repository: str, repository_id: int, by: Promoter) -> Iterator[AskedDeployment]:
    """The newest deployment to this lane, and to the next, where it counts and nobody has answered it."""
    for environment in (by.lane, *([by.next_lane] if by.next_lane else [])):
        asked = by.github.newest_deployment(repository, environment)
        if asked is None or by.counting(asked) != "counts":
            continue
        if not is_answered(asked, by.releases.get(repository_id, asked.head_sha)):
            yield asked
