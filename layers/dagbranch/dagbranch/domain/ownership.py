"""The marker that everything dagbranch makes carries: what proves, later, whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dagbranch.domain.environments import Environment
from dagbranch.domain.naming import CANARY

_LANE, _REPOSITORY, _PULL = "dagbranch-lane", "dagbranch-repository-id", "dagbranch-pull-number"


@dataclass(frozen=True)
class Owner:
    """Whose something is, as its own marker says."""

    lane: str
    repository_id: int
    pull_number: int

    @property
    def key(self) -> tuple[int, int]:
        return self.repository_id, self.pull_number

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Owner | None:
        """None for metadata that is no marker of ours."""
        lane, repository, pull = (metadata.get(name, "") for name in (_LANE, _REPOSITORY, _PULL))
        if not lane or not repository.isdecimal() or not (pull.isdecimal() or pull == str(CANARY)):
            return None
        return cls(lane, int(repository), int(pull))


def marker_of(environment: Environment) -> dict[str, str]:
    """The metadata of this environment's objects in buckets.

    Without the name before one is claimed: the pull request alone says whose it is.
    """
    return {
        _LANE: environment.lane,
        _REPOSITORY: str(environment.repository_id),
        _PULL: str(environment.pull_number),
    }


def carries(metadata: Mapping[str, str], marker: Mapping[str, str]) -> bool:
    """Whether an object's metadata proves that it belongs to the marker's pull request."""
    return all(metadata.get(key) == value for key, value in marker.items())
