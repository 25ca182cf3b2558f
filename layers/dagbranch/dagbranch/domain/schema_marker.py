"""The marker that says whose a schema is: one JSON line, its comment, set by the statement that makes it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

_VERSION = 1


@dataclass(frozen=True)
class SchemaMarker:
    """``source`` is the schema that the views of this one show; it may change, the rest never does."""

    environment: str
    repository: str
    pull_number: int
    source: str = ""

    def __str__(self) -> str:
        return json.dumps({"dagbranch": _VERSION, **asdict(self)})

    def same_owner(self, other: SchemaMarker | None) -> bool:
        """Whether both belong to one environment of one pull request."""
        return other is not None and replace(self, source=other.source) == other

    @classmethod
    def parse(cls, comment: str | None) -> SchemaMarker | None:
        """None for every other comment: what carries no marker is not ours."""
        try:
            match json.loads(comment or ""):
                case {
                    "dagbranch": 1,
                    "environment": str(environment),
                    "repository": str(repository),
                    "pull_number": int(pull_number),
                    **rest,
                }:
                    return cls(environment, repository, pull_number, _text(rest.get("source")))
        except (ValueError, RecursionError):
            pass
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
