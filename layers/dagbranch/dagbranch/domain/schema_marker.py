"""The marker that says whose a schema is: one JSON line, its comment, set by the statement that makes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from dagbranch.domain.naming import PREVIEW

UNSURE: Final = "?"
MARKER_BEGINNING: Final = '{"dagbranch": 1'


@dataclass(frozen=True)
class SchemaMarker:
    """``source`` is the schema that the views of this one show, ``columns`` tells what those with masks were made of.

    Both may change, the rest never does. What is being changed is noted as unsure first: a run that breaks off then
    leaves nothing that a later one would take for what it is not.
    """

    environment: str
    repository: str
    pull_number: int
    source: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    lane: str = PREVIEW  # told only where it is another: a Hive metastore cuts a comment off at 4,000 characters

    def __str__(self) -> str:
        usual = {"columns": {}, "lane": PREVIEW}
        told = {name: value for name, value in asdict(self).items() if value != usual.get(name)}
        return json.dumps({"dagbranch": 1, **told})

    def unsure_of(self, wanted: SchemaMarker) -> SchemaMarker:
        """What is noted while the views are changed to what ``wanted`` says."""
        changed = {
            name for name in {*self.columns, *wanted.columns} if self.columns.get(name) != wanted.columns.get(name)
        }
        columns = {**self.columns, **dict.fromkeys(changed, UNSURE)}
        source = self.source if self.source == wanted.source else UNSURE
        return replace(self, source=source, columns={name: columns[name] for name in sorted(columns)})

    def same_owner(self, other: SchemaMarker | None) -> bool:
        """Whether both belong to one environment of one pull request."""
        return other is not None and replace(self, source=other.source, columns=other.columns) == other

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
                    source, columns = _text(rest.get("source")), _texts(rest.get("columns"))
                    return cls(environment, repository, pull_number, source, columns, _text(rest.get("lane", PREVIEW)))
        except (ValueError, RecursionError):
            pass
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> dict[str, str]:
    """In the order of their names, so that one content has one text."""
    return {name: _text(value[name]) for name in sorted(value)} if isinstance(value, dict) else {}
