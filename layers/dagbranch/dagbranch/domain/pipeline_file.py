"""Reads ``dagbranch.yaml``. It comes from a pull request: one error tells every fault, with file, line and key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dagbranch.domain.data_specification import DataSpecification, Grants, SchemaSpecification, WrittenTable
from dagbranch.domain.secret_values import find_secrets
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.specification import Lanes, PipelineFile, Previews, Promotion
from dagbranch.domain.strict_yaml import Document, Fault, Path, describe_faults, read_strict_yaml
from dagbranch.errors import InvalidPipelineError, InvalidPipelineFileError

_KEY: Final = re.compile(rf"^{re.escape(PIPELINE_FILE)}: (data\.[^\s:]+|(?:dags|select)(?=:))", re.MULTILINE)
_LATER: Final = frozenset({"pipelines"})


def parse_pipeline_file(text: bytes | None) -> PipelineFile:
    """The file's content; defaults where there is none. Raises InvalidPipelineFileError that lists every fault."""
    if text is None:
        return PipelineFile(version=1)
    document = read_strict_yaml(text, PIPELINE_FILE)
    faults = list(find_secrets(document))
    secret = {fault.path for fault in faults}
    try:
        pipeline_file = PipelineFile.model_validate(document.value)
    except ValidationError as error:
        found = [_fault(details, document) for details in error.errors(include_url=False, include_input=False)]
        faults += [fault for fault in found if fault.path not in secret]  # their texts repeat the value
    else:
        if not faults:
            return pipeline_file
    raise InvalidPipelineFileError(describe_faults(faults, PIPELINE_FILE))


@contextmanager
def with_lines(text: bytes | None) -> Iterator[None]:
    """What is found wrong later, when the base is known, with the line of each key that it names."""
    try:
        yield
    except InvalidPipelineError as error:
        raise InvalidPipelineError(told_with_lines(str(error), text)) from error


def told_with_lines(message: str, text: bytes | None) -> str:
    """``dagbranch.yaml: data.schemas.a: …`` → ``dagbranch.yaml:12: data.schemas.a: …``, in each line of it."""
    if text is None:
        return message
    document = read_strict_yaml(text, PIPELINE_FILE)
    return _KEY.sub(
        lambda found: f"{PIPELINE_FILE}:{document.line_of(tuple(found[1].split('.')))}: {found[1]}", message
    )


def json_schema() -> dict[str, Any]:
    """What editors check the file with; published as ``docs/dagbranch.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **PipelineFile.model_json_schema(),
        "title": PIPELINE_FILE,
    }


def _fault(details: ErrorDetails, document: Document) -> Fault:
    # A faulty key is reported one level below the key itself.
    path: Path = tuple(part for part in details["loc"] if part != "[key]")
    return Fault(path, document.line_of(path), _text(details, path))


def _text(details: ErrorDetails, path: Path) -> str:
    kind = details["type"]
    if kind == "extra_forbidden":
        key = str(path[-1])
        known = ", ".join(_known_keys(path[:-1]))
        return (
            "not supported in this version of dagbranch" if key in _LATER else f"unknown key: expected one of {known}"
        )
    return _TEXTS.get(kind) or details["msg"].removeprefix("Value error, ").replace("Input should be", "expected")


_TEXTS: Final[Mapping[str, str]] = {
    "missing": "missing",
    "model_type": "expected a mapping of keys to values",
    "dict_type": "expected a mapping of names to values",
    "tuple_type": "expected a list of names and patterns, or: all",
    "string_type": "expected text: write it in quotes where YAML takes it for something else",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
}


def _known_keys(path: Path) -> Iterable[str]:
    match path:
        case ():
            return (field.alias or name for name, field in PipelineFile.model_fields.items())
        case ("data", "schemas", _):
            return SchemaSpecification.model_fields
    return _SECTIONS.get(path, WrittenTable).model_fields


_SECTIONS: Final[Mapping[Path, type[BaseModel]]] = {
    ("previews",): Previews,
    ("data",): DataSpecification,
    ("data", "grants"): Grants,
    ("lanes",): Lanes,
    ("lanes", "stage", "promotion"): Promotion,
    ("lanes", "prod", "promotion"): Promotion,
}
