"""What the environment is called, in which lane and at which commit: read from beside the zip, never from the code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONFIGURATION_FOLDER = ".dagbranch"
PREVIEW = "preview"


class NotConfiguredError(ImportError):
    """The environment has no configuration of this very source, so it has no DAGs."""


@dataclass(frozen=True, eq=False, repr=False)
class Configuration:
    """``ids``: what goes into the ids of DAGs; None leaves that to the lane, as configurations do that have none."""

    environment: str
    lane: str
    head_sha: str
    settings: Mapping[str, object]
    schemas: Mapping[str, str]
    selected: frozenset[str] | None = None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    ids: str | None = None

    def shows(self, module: str) -> bool:
        """Whether the environment is to have the DAGs of this module (its path within the dags folder)."""
        return self.selected is None or module in self.selected

    @property
    def is_preview(self) -> bool:
        return self.lane == PREVIEW

    @property
    def rewrites_ids(self) -> bool:
        """Many environments share a preview server; a release lane's server belongs to the code as it is written.

        But for a canary, which stands there beside it.
        """
        return self.is_preview or self.ids is not None

    @property
    def id_part(self) -> str:
        return self.ids or self.environment

    @property
    def as_written(self) -> bool:
        return bool(self.settings.get("as_written", not self.is_preview))

    @property
    def schedules(self) -> bool:
        return self.as_written or bool(self.settings.get("schedules", not self.is_preview))

    @property
    def shared_assets(self) -> tuple[str, ...]:
        """Names, URIs and patterns with ``*`` of assets that are not the environment's own."""
        shared = self.settings.get("shared_assets") or ()
        return tuple(str(pattern) for pattern in shared) if isinstance(shared, (list, tuple)) else (str(shared),)

    @property
    def tags(self) -> tuple[str, ...]:
        return (self.environment, self.commit_tag)

    @property
    def commit_tag(self) -> str:
        return f"commit:{self.head_sha[:7]}"


def configuration_file(copy: Path, source_digest: str) -> Path:
    return copy / CONFIGURATION_FOLDER / f"{source_digest}.json"


def read_configuration(copy: Path, source_digest: str) -> Configuration:
    """Raises NotConfiguredError where there is none, or one of another environment."""
    file = configuration_file(copy, source_digest)
    try:
        found = json.loads(file.read_bytes())
        configuration = Configuration(
            environment=found["environment"],
            lane=found["lane"],
            head_sha=found["head_sha"],
            settings=found["settings"],
            schemas=found["schemas"],
            selected=None if found.get("selected") is None else frozenset(found["selected"]),
            artifacts=found.get("artifacts", {}),
            ids=found.get("ids"),
        )
    except FileNotFoundError:
        raise NotConfiguredError(
            f"dagbranch: {file} is not there, so the environment {copy.name} has no DAGs (yet): it is put before "
            "the zip and comes with the next sync of the dags folder"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise NotConfiguredError(f"dagbranch: {file} is no configuration of an environment: {error!r}") from error
    if configuration.environment != copy.name:
        raise NotConfiguredError(
            f"dagbranch: {file} is of the environment {configuration.environment!r}, its zip is called {copy.name}.zip"
        )
    return configuration
