"""What the repository's SQL says of the declared schemas' tables, and where that differs from the specification."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from dagbranch.domain.detection import Detected, detect, pipeline_sources
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.specification import PipelineFile
from dagbranch.domain.warehouse_state import FoundSchema

type Places = tuple[str, ...]  # ``path:line``

_MOST_WARNINGS = 20


@dataclass(frozen=True)
class DeclaredUses:
    """Detected uses, asked by schema: with or without a catalog, as SQL names it."""

    detected: Detected

    def read_in(self, pair: SchemaPair) -> Mapping[str, Places]:
        return _of(self.detected.read, {pair.declared.lower()}, _catalog(pair))

    def written_in(self, pair: SchemaPair) -> Mapping[str, Places]:
        return _of(self.detected.written, {pair.declared.lower()}, _catalog(pair))

    def of_the_base(self, pair: SchemaPair) -> Mapping[str, Places]:
        """Tables of the base that are named themselves, past the environment."""
        source = {pair.source.rpartition(".")[2]} - {pair.declared.lower()}
        both = (_of(tables, source, _catalog(pair)) for tables in (self.detected.read, self.detected.written))
        return {table: places for found in both for table, places in found.items()}


def uses_in(files: Mapping[str, bytes], pipeline_file: PipelineFile) -> DeclaredUses | None:
    """What the pipelines' SQL uses; None where the file wants nothing read."""
    if pipeline_file.data is None or pipeline_file.data.detect == "never":
        return None
    return DeclaredUses(detect(pipeline_sources(files, (pipeline_file.dags, *pipeline_file.artifacts.values()))))


def warnings_about_uses(
    uses: DeclaredUses,
    pairs: Collection[SchemaPair],
    wanted: Mapping[str, Collection[str]],
    found: Mapping[str, FoundSchema],
) -> list[str]:
    """What is told before anything is made; ``wanted``: the environment's tables by declared schema."""
    warnings = [warning for pair in pairs for warning in _warnings(uses, pair, wanted[pair.declared], found)]
    more = len(warnings) - _MOST_WARNINGS
    return [*warnings[:_MOST_WARNINGS], *([f"and {more} more such warnings"] if more > 0 else [])]


def _warnings(
    uses: DeclaredUses, pair: SchemaPair, wanted: Collection[str], found: Mapping[str, FoundSchema]
) -> Iterator[str]:
    written = uses.written_in(pair)
    base = found[pair.source].tables if pair.source in found else {}
    for name, places in uses.read_in(pair).items():
        if name in wanted or name in written:
            continue
        where = f"{places[0]}: reads {pair.declared}.{name}, which"
        if name in base:
            yield f"{where} data.schemas.{pair.declared} does not name"
        else:
            yield f"{where} {pair.source} has not, and no SQL makes"
    for name, places in uses.of_the_base(pair).items():
        yield f"{places[0]}: uses {pair.source}.{name} itself, not the environment's own"


def _of(tables: Mapping[str, Places], schemas: Collection[str], catalog: str) -> dict[str, Places]:
    found: dict[str, Places] = {}
    for name, places in tables.items():
        *rest, schema, table = ("", *name.lower().split("."))
        if schema in schemas and (not catalog or rest[-1] in {"", catalog}):
            found[table] = places
    return found


def _catalog(pair: SchemaPair) -> str:
    return pair.source.rpartition(".")[0]
