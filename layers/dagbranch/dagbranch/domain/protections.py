"""Unity Catalog's own row filters and column masks: what has them is not copied past them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dagbranch.domain.masks import OTHERS, Masks, hiding
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.wanted_data import Judgement, WantedSchema
from dagbranch.domain.warehouse_state import TableDetails


def unmet_protections(wanted: Iterable[WantedSchema], knowledge: Knowledge, judgement: Judgement) -> Iterator[str]:
    """The seeds that would copy what their source protects, in words, and what lets them."""
    for schema in wanted:
        for name, written in schema.tables.items():
            details = knowledge.details.get(f"{schema.pair.source}.{name}")
            if not written.seed or details is None or judgement.guard.permits_copy(schema.pair, name):
                continue
            source = f"{schema.pair.key}.write.{name}.seed: {schema.pair.source}.{name}"
            for column in _bare_columns(details, schema.masks.get(name, {})):
                yield (
                    f"{source} has a mask of its own on {column}: give the column a mask of yours, "
                    "or name the table under unprotected on the default branch"
                )
            demanded = judgement.guard.demanded(schema.pair, judgement.allowed).get(name, {})
            if details.has_row_filter and not hiding(demanded):
                yield (
                    f"{source} has a row filter of its own: mask the table, or name it under unprotected, "
                    "on the default branch"
                )


def _bare_columns(details: TableDetails, masks: Masks) -> list[str]:
    hidden = hiding(masks)
    return [
        column
        for column in details.masked_columns
        if column.lower() not in hidden and (OTHERS not in hidden or column.lower() in masks)
    ]
