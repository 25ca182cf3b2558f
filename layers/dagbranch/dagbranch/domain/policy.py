"""What the stack's own parameters say of environments: who has to wait, how long one stands, when it has to go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.naming import CANARY

_TOLD_THEIR_PLACE: Final = 20


@dataclass(frozen=True)
class Policy:
    """None is no limit. ``keep_label``: the label of a pull request whose environment does not expire."""

    expire_after: timedelta | None = None
    keep_label: str = ""
    most_environments: int | None = None
    most_dags: int | None = None
    is_paused: bool = False

    @property
    def is_limited(self) -> bool:
        """Whether anybody may ever have to wait."""
        return self.is_paused or self.most_environments is not None or self.most_dags is not None


@dataclass(frozen=True)
class Wait:
    """``place`` in the line, the next one is 1."""

    place: int
    reason: str


def reason_to_remove(environment: Environment, pull: PullRequest | None, policy: Policy, now: datetime) -> str | None:
    """Why this preview has to go, in words; None where it stays. ``pull`` is what GitHub says now."""
    if pull is None or not pull.is_open:
        return "its pull request is not open"
    if environment.is_live and environment.unwanted:
        return environment.unwanted
    if environment.is_live and is_expired(environment, pull, policy, now):
        assert policy.expire_after is not None, "nothing expires without a time"
        return f"nobody has asked for anything of it for {policy.expire_after.days} days"
    return None


def reason_to_end(environment: Environment, release: Environment | None) -> str | None:
    """Why a release lane's environment has to go, in words: a canary that nobody wants any more, or whose commit stands
    beside it as the ``release``. The release itself stays, whatever became of its pull requests.
    """
    if environment.pull_number != CANARY:
        return None
    if environment.unwanted:
        return environment.unwanted
    if release is None or release.status != Status.READY or release.head_sha != environment.head_sha:
        return None
    return f"{environment.head_sha[:7]} is the release now"


def is_expired(environment: Environment, pull: PullRequest, policy: Policy, now: datetime) -> bool:
    """A commit that nobody has told us of yet is as good as a request."""
    is_kept = environment.is_kept or policy.keep_label in pull.labels
    if policy.expire_after is None or is_kept or environment.head_sha != pull.head_sha:
        return False
    return now - environment.active_at > policy.expire_after


def is_dismissed(existing: Environment | None, pull: PullRequest, policy: Policy) -> bool:
    """Whether this commit's environment was removed although its pull request is open, and nothing asks for it anew.

    The label that keeps it does, but where a person had it removed.
    """
    if existing is None or existing.is_live or existing.dismissed != pull.head_sha:
        return False
    return existing.unwanted != "" or policy.keep_label not in pull.labels


@dataclass(frozen=True)
class Room:
    """What stands on the server, and who waits for a place there: who has waited longest is next.

    ``usual_dags``: how many DAGs an environment has here on average. So many are expected of each of those that are
    ``to_come``, and of who waits: theirs are known only once Airflow lists them.
    """

    environments: int
    dags: int
    usual_dags: int
    to_come: int
    line: Mapping[tuple[int, int], int]  # Environment.key → place

    @classmethod
    def of(cls, environments: Iterable[Environment]) -> Room:
        known = [one for one in environments if not one.is_of_a_release]
        standing = [one for one in known if one.is_live]
        counts = [len(one.dag_ids) for one in standing if one.dag_ids]
        to_come = sum(one.status in {Status.REQUESTED, Status.DEPLOYING} and not one.dag_ids for one in standing)
        line = {one.key: place for place, one in enumerate(_line(known), start=1)}
        usual = ceil(sum(counts) / len(counts)) if counts else 1
        return cls(len(standing), sum(counts), usual, to_come, line)

    def wait_of(self, key: tuple[int, int], policy: Policy) -> Wait | None:
        """What a pull request without an environment has to wait for; None where it is its turn."""
        place = self.line.get(key, len(self.line) + 1)  # a newcomer goes to the end
        reason = self._reason(place, policy)
        if reason is None:
            return None
        return Wait(place, f"{reason}; place {place} in the line")

    def _reason(self, place: int, policy: Policy) -> str | None:
        if policy.is_paused:
            return "the intake is paused by the owner of the stack"
        to_come = (self.to_come + place) * self.usual_dags
        is_first = place == 1 and not self.environments  # nobody waits for an empty server, whatever its limit
        if policy.most_dags is not None and self.dags + to_come > policy.most_dags and not is_first:
            return f"the server has room for {policy.most_dags} DAGs, and {self.dags} stand"
        if policy.most_environments is not None and self.environments + place > policy.most_environments:
            return f"the server has room for {policy.most_environments} environments, and {self.environments} stand"
        return None


def whose_turn_it_is(environments: Iterable[Environment], policy: Policy) -> list[Environment]:
    """Of those that wait, who is let in now, in order."""
    return [one for one, wait in _waits(environments, policy) if wait is None]


def to_look_at_again(environments: Iterable[Environment], policy: Policy) -> list[Environment]:
    """Of those that wait: whose turn has come, and who is to be told another place or reason than the one on record.

    The latter only at the front of the line: each look is as long as the line itself.
    """
    return [
        one
        for place, (one, wait) in enumerate(_waits(environments, policy), start=1)
        if wait is None or (wait.reason != one.message and place <= _TOLD_THEIR_PLACE)
    ]


def _waits(environments: Iterable[Environment], policy: Policy) -> list[tuple[Environment, Wait | None]]:
    known = list(environments)
    room = Room.of(known)
    return [(one, room.wait_of(one.key, policy)) for one in _line(known)]


def _line(environments: Iterable[Environment]) -> list[Environment]:
    waiting = [one for one in environments if one.status == Status.WAITING]
    return sorted(waiting, key=lambda one: (one.requested_at, one.key))
