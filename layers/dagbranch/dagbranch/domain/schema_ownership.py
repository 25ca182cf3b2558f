"""Which of the schemas that stand are an environment's own: those with its marker, and no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dagbranch.domain.naming import whose
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.warehouse_state import FoundSchema
from dagbranch.errors import NotOursError


def is_ours(schema: FoundSchema, owner: SchemaMarker) -> bool:
    return owner.same_owner(SchemaMarker.parse(schema.comment))


def check_ownership(pairs: Iterable[SchemaPair], found: Mapping[str, FoundSchema], owner: SchemaMarker) -> None:
    """Raises NotOursError for a target that somebody else has made."""
    others = [
        f"the schema {pair.target} exists and is not this environment's ({_whose(found[pair.target])}): left alone. "
        "Rename the branch (in a release lane, change its table_suffix), or drop the schema where nobody needs it"
        for pair in pairs
        if pair.target in found and not is_ours(found[pair.target], owner)
    ]
    if others:
        raise NotOursError("\n".join(others))


def stale_schemas(
    pairs: Iterable[SchemaPair], found: Mapping[str, FoundSchema], owner: SchemaMarker
) -> tuple[str, ...]:
    """What an earlier commit declared. A schema that is anybody's source is never among them."""
    declared = {name for pair in pairs for name in (pair.target, pair.source)}
    return tuple(sorted(name for name in found if name not in declared and is_ours(found[name], owner)))


def _whose(schema: FoundSchema) -> str:
    marker = SchemaMarker.parse(schema.comment)
    if marker is None:
        return "nobody's by its comment"
    return f"{whose(marker.repository, marker.pull_number)}, environment {marker.environment}"
