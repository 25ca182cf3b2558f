"""All that can be told of a pipelines repository before anything is deployed: for ``dagbranch check`` in a user's CI.

Every part is looked at, whatever another one finds, and each finding is one line: ``file:line: what is wrong``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial

from dagbranch.domain.artifacts import artifacts_of
from dagbranch.domain.data_checks import data_check
from dagbranch.domain.data_specification import SchemaSpecification
from dagbranch.domain.declared_uses import DeclaredUses, uses_in
from dagbranch.domain.lane_strictness import less_strict
from dagbranch.domain.naming import LANES, PREVIEW, RELEASE_LANES
from dagbranch.domain.packaging import own_sources, package_dags
from dagbranch.domain.pipeline_file import parse_pipeline_file, told_with_lines
from dagbranch.domain.requirements import required
from dagbranch.domain.schema_pairs import SchemaPair, schema_pairs
from dagbranch.domain.selection import select_modules
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.specification import PipelineFile, Promotion, ReleaseSettings
from dagbranch.domain.strict_yaml import Document, Fault, describe_faults, read_strict_yaml
from dagbranch.domain.wanted_data import Judgement, wanted_data
from dagbranch.domain.warehouse_state import FoundSchema
from dagbranch.errors import SourceError, UnsafeStatementError

_AN_ENVIRONMENT = "environment"
type _Part = Callable[[], Iterable[str]]


@dataclass
class Findings:
    """Lines for people: what keeps the repository from being deployed, and what is only likely to be wrong."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check_pipelines(files: Mapping[str, bytes]) -> Findings:
    """``files``: what is packaged, by repository path, as ``read_source`` gives it."""
    findings = Findings()
    text = files.get(PIPELINE_FILE)
    try:
        pipeline_file = parse_pipeline_file(text)
    except SourceError as error:
        return Findings(errors=str(error).splitlines())
    for part in _parts(files, pipeline_file):
        try:
            findings.warnings += _lines(part(), text)
        except SourceError as error:
            findings.errors += _lines([str(error)], text)
    if text is not None:
        document = read_strict_yaml(text, PIPELINE_FILE)
        findings.errors += _described(_refused_checks(pipeline_file, document))
        findings.warnings += _described(less_strict(pipeline_file, document))
        findings.warnings += _described(_without_effect(files, pipeline_file, document))
    return findings


def _described(faults: Iterable[Fault]) -> list[str]:
    return describe_faults(faults, PIPELINE_FILE).splitlines()


def _refused_checks(pipeline_file: PipelineFile, document: Document) -> Iterator[Fault]:
    """Data checks that would not be run, in whichever lane."""
    for lane in RELEASE_LANES:
        for name, query in _promotion(pipeline_file, lane).data_checks.items():
            path = ("lanes", lane, "promotion", "data_checks", name)
            try:
                data_check(query, pipeline_file.schema_names(lane, _AN_ENVIRONMENT))
            except UnsafeStatementError as error:
                yield Fault(path, document.line_of(path), str(error))


def _promotion(pipeline_file: PipelineFile, lane: str) -> Promotion:
    settings: ReleaseSettings = getattr(pipeline_file.lanes, lane)
    return settings.promotion


def _lines(messages: Iterable[str], text: bytes | None) -> list[str]:
    return [line for one in messages for line in told_with_lines(one, text).splitlines()]


def _parts(files: Mapping[str, bytes], pipeline_file: PipelineFile) -> Iterator[_Part]:
    """Each gives its warnings, and raises SourceError with its faults."""
    yield partial(_nothing, partial(required, files, pipeline_file.requirements))
    yield partial(_nothing, partial(artifacts_of, files, pipeline_file))
    yield lambda: package_dags(files, dags_folder=pipeline_file.dags, source_digest="", runtime={}, version="").warnings
    yield lambda: select_modules(pipeline_file, PREVIEW, files, None).warnings
    if pipeline_file.data is not None:
        for lane in LANES:
            yield partial(_nothing, partial(_pairs_of, pipeline_file, lane))
        yield partial(_data_warnings, files, pipeline_file)


def _nothing(check: Callable[[], object]) -> Iterable[str]:
    check()
    return ()


def _pairs_of(pipeline_file: PipelineFile, lane: str) -> tuple[SchemaPair, ...]:
    """None for a lane that makes no schema."""
    specification = pipeline_file.data_of(lane)
    return schema_pairs(specification, _AN_ENVIRONMENT, pipeline_file.table_suffix(lane)) if specification else ()


def _data_warnings(files: Mapping[str, bytes], pipeline_file: PipelineFile) -> list[str]:
    """Where declarations and SQL contradict each other, on a base that has just what one of them names."""
    specification = pipeline_file.data_of(PREVIEW)
    if specification is None:
        return []
    pairs, uses = _pairs_of(pipeline_file, PREVIEW), uses_in(files, pipeline_file)
    found = {pair.source: _assumed(pair, specification.schemas[pair.declared], uses) for pair in pairs}
    matched = specification.model_copy(
        update={
            "schemas": {
                pair.declared: _without_idle_patterns(specification.schemas[pair.declared], found[pair.source])
                for pair in pairs
            }
        }
    )
    return wanted_data(matched, pairs, found, Judgement(uses=uses))[1]


def _assumed(pair: SchemaPair, schema: SchemaSpecification, uses: DeclaredUses | None) -> FoundSchema:
    named = {name.lower() for name in (*schema.read, *schema.write, *schema.mask) if "*" not in name}
    # What the pipelines write and nobody declares is their own, and need not be in the base.
    read = uses.read_in(pair).keys() - uses.written_in(pair).keys() if uses else set()
    return FoundSchema(None, dict.fromkeys(sorted(named | read), "table"))


def _without_idle_patterns(schema: SchemaSpecification, found: FoundSchema) -> SchemaSpecification:
    """What such a pattern stands for, the warehouse alone knows."""
    read = [one for one in schema.read if any(fnmatchcase(name, one.lower()) for name in found.tables)]
    return schema.model_copy(update={"read": tuple(read)})


def _without_effect(files: Mapping[str, bytes], pipeline_file: PipelineFile, document: Document) -> Iterator[Fault]:
    first, *_ = RELEASE_LANES
    path = ("lanes", first, "promotion")
    if path in document.lines:
        yield Fault(path, document.line_of(path), "without effect: pushes to the default branch come here, ungated")
    sources = b"\n".join(own_sources(files, pipeline_file.dags).values())
    for lane in RELEASE_LANES:
        yield from _unknown_dags(lane, pipeline_file, sources, document)
        yield from _own_checks(lane, pipeline_file, document)


def _unknown_dags(lane: str, pipeline_file: PipelineFile, sources: bytes, document: Document) -> Iterator[Fault]:
    for index, dag_id in enumerate(_promotion(pipeline_file, lane).runs):
        if dag_id.encode() not in sources:
            path = ("lanes", lane, "promotion", "runs", index)
            yield Fault(path, document.line_of(path), f"{dag_id} stands in no file of {pipeline_file.dags}: misspelt?")


def _own_checks(lane: str, pipeline_file: PipelineFile, document: Document) -> Iterator[Fault]:
    """A gate that waits for one of them waits for ever: what they say, the lanes know themselves."""
    for index, pattern in enumerate(_promotion(pipeline_file, lane).checks):
        if pattern.startswith("dagbranch/"):
            path = ("lanes", lane, "promotion", "checks", index)
            yield Fault(path, document.line_of(path), "dagbranch's own checks do not count: this is never green")
