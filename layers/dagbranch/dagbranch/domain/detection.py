"""Which tables a pipelines repository reads and which it writes, told from its files alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from dagbranch.domain.table_uses import Uses


@dataclass(frozen=True)
class Detected:
    """Places, ``path:line``, by table: as it is written, in lower case, without what the environment adds.

    ``unknown`` are the places where a table may be read or written that could not be told.
    """

    read: Mapping[str, tuple[str, ...]]
    written: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]


def detect(files: Mapping[str, bytes]) -> Detected:
    """``files`` by path; nothing of them is run."""
    return detected({path: Uses() for path in files})


def detected(uses: Mapping[str, Uses]) -> Detected:
    """What was found in each file, by its path."""
    read: defaultdict[str, list[str]] = defaultdict(list)
    written: defaultdict[str, list[str]] = defaultdict(list)
    unknown: list[str] = []
    for path, found in sorted(uses.items()):
        for places, tables in ((read, found.read), (written, found.written)):
            for table, lines in tables.items():
                places[table] += [f"{path}:{line}" for line in sorted(lines)]
        unknown += [f"{path}:{line}" for line in sorted(found.unknown)]
    return Detected(_sorted(read), _sorted(written), tuple(unknown))


def _sorted(places: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {table: tuple(places[table]) for table in sorted(places)}
