"""What stands in the bucket of a release lane's environments, read as it lies there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.release_drift import StandingRelease
from dagbranch.errors import SupersededError
from dagbranch.ports import DagsBucket, Registry


class Catch(Protocol):
    """Collects what cannot be asked, so that the rest can."""

    def __call__(self, ask: Callable[[], StandingRelease]) -> StandingRelease | None: ...


def look_at_releases(
    environments: Sequence[Environment], *, dags: DagsBucket, registry: Registry, lane: str, caught: Catch
) -> Mapping[str, StandingRelease]:
    """By name, those that are ready and that nobody has changed while they were looked at.

    Each costs its zip, its configuration and a list of its copy.
    """
    ready = [one for one in environments if one.is_of_a_release and one.status == Status.READY]
    found = [(one, caught(partial(_standing, one, dags))) for one in ready]
    unchanged = {(one.key, one.revision) for one in registry.all(lane)} if found else set()
    return {
        one.claimed_name: stands for one, stands in found if stands is not None and (one.key, one.revision) in unchanged
    }


def _standing(environment: Environment, dags: DagsBucket) -> StandingRelease:
    name, half = environment.claimed_name, environment.pipeline
    has_configuration = half is None or dags.configuration(name, half.source_digest) is not None
    return StandingRelease(_zip_sha256(name, dags), has_configuration, dags.copied(name))


def _zip_sha256(name: str, dags: DagsBucket) -> str | None:
    """Of the bytes themselves: whoever puts others can write any metadata."""
    try:
        return hashlib.sha256(dags.zip_content(name)).hexdigest()
    except SupersededError:
        return None
