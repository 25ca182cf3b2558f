"""The marker that everything dagbranch makes carries: what proves, later, whose it is."""

from __future__ import annotations

from collections.abc import Mapping

from dagbranch.domain.environments import Environment


def marker_of(environment: Environment) -> dict[str, str]:
    """The metadata of this environment's objects in buckets.

    Without the name before one is claimed: the pull request alone says whose it is.
    """
    return {
        "dagbranch-lane": environment.lane,
        "dagbranch-repository-id": str(environment.repository_id),
        "dagbranch-pull-number": str(environment.pull_number),
    }


def carries(metadata: Mapping[str, str], marker: Mapping[str, str]) -> bool:
    """Whether an object's metadata proves that it belongs to the marker's pull request."""
    return all(metadata.get(key) == value for key, value in marker.items())
