"""What the default branch holds every pull request to: masks, what may be copied as it is, and who may use it.

A pull request can add masks and leave out people; it can take no mask away and let nobody in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Self

from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.masks import KEEP, OTHERS, Mask, Masks
from dagbranch.domain.schema_pairs import SchemaPair, source_name
from dagbranch.domain.source_allowance import ANY, SourceAllowance


@dataclass(frozen=True)
class DataGuard:
    """``masks`` by declared schema, of each that there is; ``unprotected`` by source; all names in lower case."""

    suffix: str = ""
    masks: Mapping[str, Mapping[str, Masks]] = field(default_factory=dict)
    unprotected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()

    @classmethod
    def of(cls, specification: DataSpecification | None) -> Self:
        """What that file of the default branch demands; nothing where there is none."""
        if specification is None:
            return cls()
        schemas = {name.lower(): schema for name, schema in specification.schemas.items()}
        return cls(
            suffix=specification.source_suffix.lower(),
            masks={name: _lower(schema.mask) for name, schema in schemas.items()},
            unprotected={
                source_name(specification, name): tuple(pattern.lower() for pattern in schema.unprotected)
                for name, schema in specification.schemas.items()
                if schema.unprotected
            },
            readers=specification.grants.readers or (),
            writers=specification.grants.writers or (),
        )

    def __str__(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> Self:
        """What ``str`` made of one."""
        found = json.loads(text)
        return cls(
            suffix=found["suffix"],
            masks=found["masks"],
            unprotected={name: tuple(patterns) for name, patterns in found["unprotected"].items()},
            readers=tuple(found["readers"]),
            writers=tuple(found["writers"]),
        )

    def masks_of(
        self, pair: SchemaPair, own: Mapping[str, Masks], allowed: SourceAllowance
    ) -> tuple[dict[str, dict[str, Mask]], list[str]]:
        """The masks by table of the pair's source, and warnings about those of the pull request that do not count."""
        merged = {table: dict(masks) for table, masks in _lower(own).items()}
        warnings: list[str] = []
        for table, demanded in self.demanded(pair, allowed).items():
            added = merged.get(table, {})
            refused = [name for name, mask in added.items() if _takes_away(name, mask, demanded)]
            warnings += [
                f"{pair.key}.mask.{table}.{name}: {_told(added[name])} does not count, the default branch says "
                f"{_told(demanded.get(name, demanded.get(OTHERS, 'nothing of it')))}"
                for name in refused
            ]
            merged[table] = {name: mask for name, mask in added.items() if name not in refused} | dict(demanded)
        return merged, warnings

    def demanded(self, pair: SchemaPair, allowed: SourceAllowance) -> dict[str, dict[str, Mask]]:
        """The masks, by table, of each schema of the default branch that means this source."""
        together: dict[str, dict[str, Mask]] = {}
        for declared in self._meant(pair, allowed):
            for table, masks in self.masks[declared].items():
                together[table] = together.get(table, {}) | dict(masks)
        return together

    def permits_copy(self, pair: SchemaPair, table: str) -> bool:
        """Whether this very table, with a protection of its own, may be copied without it."""
        return any(fnmatchcase(table, pattern) for pattern in self.unprotected.get(pair.source, ()))

    def _meant(self, pair: SchemaPair, allowed: SourceAllowance) -> list[str]:
        """However the pull request comes to the source's name."""
        source = pair.source.rpartition(".")[2]
        exact = [name for name in self.masks if name + self.suffix == source]
        return exact or [name for name in self.masks if _means(source, name, allowed)]


def narrowed(demanded: Collection[str], wanted: Collection[str] | None) -> tuple[str, ...]:
    """Of those whom the default branch names, those whom the pull request names too, or all."""
    return tuple(name for name in dict.fromkeys(demanded) if wanted is None or name in wanted)


def _means(source: str, declared: str, allowed: SourceAllowance) -> bool:
    """Whether the stack's suffixes make this source of that schema."""
    rest = source.removeprefix(declared)
    return source.startswith(declared) and (not rest or rest in allowed.suffixes or ANY in allowed.suffixes)


def _told(mask: Mask) -> str:
    return "null" if mask is None else str(mask)


def _takes_away(column: str, mask: Mask, demanded: Masks) -> bool:
    """Whether a pull request's mask would show more than the default branch does."""
    if column in demanded:
        return mask != demanded[column]
    return mask == KEEP or (OTHERS in demanded and column != OTHERS)


def _lower(masks: Mapping[str, Masks]) -> dict[str, dict[str, Mask]]:
    return {table.lower(): {name.lower(): mask for name, mask in columns.items()} for table, columns in masks.items()}
