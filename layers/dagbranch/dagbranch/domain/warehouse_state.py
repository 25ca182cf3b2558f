"""What a warehouse tells of its schemas and tables. Names are full (``catalog.schema.table``) and lower case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

type Kind = Literal["table", "view"]


@dataclass(frozen=True)
class FoundSchema:
    """A schema as it stands: its comment, and what is in it by name."""

    comment: str | None = None
    tables: Mapping[str, Kind] = field(default_factory=dict)


@dataclass(frozen=True)
class TableDetails:
    """One table or view. ``columns``: SQL type by name, in order, the names as the warehouse spells them.

    ``has_row_filter`` and ``masked_columns`` are Unity Catalog's own protection. ``follows``: a view whose columns are
    its table's at each query (``WITH SCHEMA EVOLUTION``).
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    partition_columns: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    has_row_filter: bool = False
    masked_columns: tuple[str, ...] = ()
    follows: bool = False

    @property
    def is_protected(self) -> bool:
        return self.has_row_filter or bool(self.masked_columns)


@dataclass(frozen=True, order=True)
class Grant:
    """``privilege``: in upper case, such as ``USE SCHEMA``."""

    principal: str
    privilege: str
