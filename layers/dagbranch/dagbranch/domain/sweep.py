"""The comparison of what five places say of every environment, and the work that follows from it.

GitHub, the registry, the buckets, Airflow and the warehouse. What could not be asked is None, and nothing is concluded
from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.eligibility import is_turned_away, reason_to_skip
from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.orphans import Known, Orphan, orphans_in_airflow, orphans_in_buckets, orphans_in_warehouse
from dagbranch.domain.policy import Policy, is_dismissed, reason_to_remove, to_look_at_again
from dagbranch.domain.readiness import has_dropped, may_be_ready
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.sweep_releases import release_actions, releases_off_the_list
from dagbranch.domain.sweep_truths import Action, Key, Truths, about, is_stuck

OVERDUE_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True)
class SweepPlan:
    """A pull request is acted on at most once. ``strange`` looks like dagbranch's and is not provably: told, left."""

    actions: Sequence[Action]
    strange: Sequence[str] = field(default_factory=tuple)


def plan_sweep(truths: Truths, policy: Policy, now: datetime, *, lane: str, follow_base_hour: int) -> SweepPlan:
    """What is to be done about everything that the truths differ in.

    A repository that GitHub was not asked about (no longer on the stack's list) is removed from the server:
    nothing keeps its environments at GitHub's truth any more.
    """
    known = {one.key: one for one in truths.environments}
    pulls = {(pull.repository_id, pull.number): pull for of_one in truths.open_pulls.values() for pull in of_one}
    found = list(_orphans(truths, known, pulls, lane))
    orphans = [_removal_of(one) for one in found if isinstance(one, Orphan)]
    planned = (
        *release_actions(truths, policy, now),
        *_removals(truths, known, pulls, policy, now),
        *_requests(truths, known, pulls, policy, now),
        *_repairs(truths, known, policy),
        *orphans,
        *_checks(truths, known, now, follow_base_hour),
    )
    first: dict[Key, Action] = {}
    for action in planned:
        first.setdefault(action.key, action)
    strange = [*releases_off_the_list(truths), *(one for one in found if isinstance(one, str))]
    return SweepPlan(tuple(first.values()), tuple(strange))


def is_due(compared_at: datetime | None, now: datetime, hour: int) -> bool:
    """Whether ``hour`` o'clock UTC has come since the data was last compared with the base."""
    today = now.astimezone(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    last = today if today <= now else today - timedelta(days=1)
    return compared_at is None or compared_at < last


def _removals(
    truths: Truths, known: Mapping[Key, Environment], pulls: Mapping[Key, PullRequest], policy: Policy, now: datetime
) -> Iterator[Action]:
    for key, one in sorted(known.items()):
        if one.status == Status.REMOVING:
            if is_stuck(one, now):
                yield about(one, "remove", "its removal got stuck")
        elif one.is_of_a_release or not truths.tells_of(one.repository):
            continue
        elif one.is_live or one.status == Status.WAITING:
            why = reason_to_remove(one, pulls.get(key), policy, now)
            if why is not None:
                yield about(one, "remove", why)
        elif one.dismissed is not None and key not in pulls:
            yield about(one, "remove", "its pull request was closed: a reopened one begins anew")


def _requests(
    truths: Truths, known: Mapping[Key, Environment], pulls: Mapping[Key, PullRequest], policy: Policy, now: datetime
) -> Iterator[Action]:
    in_line = {one.key for one in to_look_at_again(known.values(), policy)}
    for key, pull in sorted(pulls.items()):
        said = truths.files.get(pull.repository.lower())
        if (why := _behind(known.get(key), pull, said, policy, now, is_its_turn=key in in_line)) is not None:
            yield Action("request", pull.repository, pull.repository_id, pull.number, pull.head_sha, why)


def _behind(
    environment: Environment | None,
    pull: PullRequest,
    said: PipelineFile | None,
    policy: Policy,
    now: datetime,
    *,
    is_its_turn: bool,
) -> str | None:
    """Why the head commit is to be looked at, by what the default branch ``said`` too."""
    if environment is None:
        return "it was never looked at"
    if environment.status == Status.REMOVING:
        return None
    reason = reason_to_skip(pull, environment, said)
    if reason is not None and (environment.is_live or environment.status == Status.WAITING):
        return f"it is to get nothing any more: {reason}"
    if environment.status == Status.WAITING:
        return _news_for_one_that_waits(environment, pull, is_its_turn=is_its_turn)
    if not environment.is_live:
        is_left_alone = is_dismissed(environment, pull, policy) or is_turned_away(environment, pull, said)
        return None if is_left_alone else f"it is open, and its environment is {environment.status}"
    return _behind_its_head(environment, pull, policy, now)


def _news_for_one_that_waits(environment: Environment, pull: PullRequest, *, is_its_turn: bool) -> str | None:
    if environment.head_sha != pull.head_sha:
        return f"its head is {pull.head_sha[:7]}, it waits at {environment.head_sha[:7]}"
    return "its turn or its place in the line has changed" if is_its_turn else None


def _behind_its_head(environment: Environment, pull: PullRequest, policy: Policy, now: datetime) -> str | None:
    if policy.is_paused:
        return None
    if environment.head_sha != pull.head_sha:
        return f"its head is {pull.head_sha[:7]}, its environment at {environment.head_sha[:7]}"
    return f"it got stuck at {environment.status}" if is_stuck(environment, now) else None


def is_overdue(environment: Environment, now: datetime) -> bool:
    """Whether its removal takes so long that a person has to see what keeps it."""
    return environment.removal is not None and now - environment.removal.began_at > OVERDUE_AFTER


def _repairs(truths: Truths, known: Mapping[Key, Environment], policy: Policy) -> Iterator[Action]:
    """Environments all of which stood, and of which something has gone, or has come back."""
    listed = _by_zip(truths.listed)
    for _, one in sorted(known.items()):
        if one.name is None or not (one.status == Status.READY or one.failed_in_airflow):
            continue
        if truths.standing is not None and one.name not in truths.standing:
            if not one.is_of_a_release and not policy.is_paused and truths.tells_of(one.repository):
                yield about(one, "request", "its zip has gone from the bucket")
        elif listed is not None and (why := _reason_to_verify(one, listed.get(one.name, []))) is not None:
            yield about(one, "verify", why)


def _by_zip(listed: Sequence[ListedDag] | None) -> dict[str, list[ListedDag]] | None:
    """What carries its environment's tag, as a verification sees it: the DAGs within another DAG carry none."""
    if listed is None:
        return None
    by_zip: dict[str, list[ListedDag]] = {}
    for row in listed:
        if row.zip_name is not None and row.zip_name in row.tags:
            by_zip.setdefault(row.zip_name, []).append(row)
    return by_zip


def _reason_to_verify(environment: Environment, rows: Sequence[ListedDag]) -> str | None:
    """``rows`` are the environment's own."""
    active = [row for row in rows if row.is_active is not False]
    has_all = {row.dag_id for row in active}.issuperset(environment.dag_ids)
    if environment.status == Status.READY:
        if not has_all:
            return "Airflow does not list all of its DAGs any more"
        return "Airflow still lists DAGs of an older commit" if has_dropped(environment.pipeline, rows) else None
    is_of_this_request = environment.verified_generation == environment.generation
    seems_well = may_be_ready(environment.pipeline, active) and (has_all or not is_of_this_request)
    return "Airflow lists now what it did not" if seems_well else None


def _checks(truths: Truths, known: Mapping[Key, Environment], now: datetime, hour: int) -> Iterator[Action]:
    """What is not ready is under way, which compares it, or failed, which its author has to mend.

    Once after each day's hour: a warehouse that is down all day fails each of them once.
    """
    if not is_due(truths.checks_asked_at, now, hour):
        return
    for _, one in sorted(known.items()):
        if one.status == Status.READY and one.schemas and is_due(one.compared_at, now, hour):
            yield about(one, "check", "it is time to compare its data with the base")


def _orphans(
    truths: Truths, known: Mapping[Key, Environment], pulls: Mapping[Key, PullRequest], lane: str
) -> Iterator[Orphan | str]:
    """What could not be asked tells nothing: without the buckets, a row of Airflow may have its zip there."""
    repositories = {one.repository_id: one.repository for one in known.values() if truths.has_read(one.repository)}
    repositories |= {pull.repository_id: pull.repository for pull in pulls.values()}
    around = Known(lane, known, pulls.keys(), repositories, is_complete=not truths.unread)
    if truths.standing is not None:
        yield from orphans_in_buckets(truths.standing, around)
        if truths.listed is not None:
            yield from orphans_in_airflow(truths.listed, truths.standing.keys(), around)
    if truths.schemas is not None:
        yield from orphans_in_warehouse(truths.schemas, around)


def _removal_of(orphan: Orphan) -> Action:
    repository_id, pull_number = orphan.key
    return Action(
        "remove",
        orphan.repository,
        repository_id,
        pull_number,
        "",
        orphan.why,
        orphan=orphan.name,
        schemas=orphan.schemas,
    )
