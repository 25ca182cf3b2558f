"""A request for a commit → on record: what is new there under the first of its names that is free everywhere."""

from __future__ import annotations

from dataclasses import replace

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import environment_name_candidates, release_name_candidates
from dagbranch.domain.ownership import marker_of
from dagbranch.errors import NotOursError
from dagbranch.ports import ArtifactsBucket, DagsBucket, Registry


def note_request(
    asked: Environment, *, registry: Registry, dags: DagsBucket, artifacts: ArtifactsBucket
) -> Environment:
    """Raises NotOursError where no name is free, TransientUpstreamError where another writer came first."""
    event = f"requested {asked.head_sha[:7]}"
    if asked.name is not None:
        return registry.save(asked, event=event)
    marker = marker_of(asked)
    free = (name for name in _candidates(asked) if dags.is_free(name, marker) and artifacts.is_free(name, marker))
    return registry.claim(asked, free, event=event)


def note_release(
    asked: Environment, *, registry: Registry, dags: DagsBucket, artifacts: ArtifactsBucket
) -> Environment:
    """The record of a request in a release lane; a refused one, that says why, where no name is free."""
    try:
        return note_request(asked, registry=registry, dags=dags, artifacts=artifacts)
    except NotOursError:
        names = " and ".join(_candidates(asked))
        reason = f"no name is free: in the dags folder lies what is called {names} and is not this repository's"
    return registry.save(replace(asked, status=Status.REFUSED, message=reason), event=f"refused: {reason}")


def _candidates(asked: Environment) -> tuple[str, ...]:
    if asked.is_of_a_release:
        return release_name_candidates(asked.lane, asked.repository, asked.pull_number)
    return environment_name_candidates(asked.branch, asked.pull_number, asked.repository)
