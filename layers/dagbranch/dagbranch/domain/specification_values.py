"""The values that ``dagbranch.yaml`` may hold: names, patterns, numbers and others, each with form and message."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from dagbranch.domain.predicates import parse_predicate
from dagbranch.errors import UnsafeStatementError

EVERYTHING: Final = "all"
CHANGED: Final = "changed"
_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
# What `read: all` may meet: it has to be possible to mask it.
_BASE_TABLE: Final = r"^[\w-]{1,255}$"
_NAME_OR_PATTERN: Final = r"^[A-Za-z_*][A-Za-z0-9_*]{0,127}$"
_SUFFIX: Final = r"^[A-Za-z0-9_]{0,64}$"
_RELEASE_SUFFIX: Final = r"^[A-Za-z0-9_]{0,64}(\{environment\})?[A-Za-z0-9_]{0,64}$"
_PREVIEW_SUFFIX: Final = r"^[A-Za-z0-9_]{0,64}\{environment\}[A-Za-z0-9_]{0,64}$"
_FOLDER: Final = r"^(\.|(?!\.{1,2}(/|$))[^/\\\x00-\x1f\x7f]+(/(?!\.{1,2}(/|$))[^/\\\x00-\x1f\x7f]+)*)$"

_COLUMN: Final = r"^[^\x00-\x1f\x7f]{1,255}$"
_PRINCIPAL: Final = r"^[^`\x00-\x1f\x7f]{1,255}$"
_LONGEST_MASK: Final = 1_000
_MODULE: Final = r"^[^\\\x00-\x1f\x7f]{1,500}$"
_TEXT: Final = r"^[^\x00-\x1f\x7f]{1,250}$"
_LABEL: Final = r"^[^\x00-\x1f\x7f]{1,50}$"  # GitHub's own limit
_QUERY: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]{1,10000}$"
_DURATION: Final = r"^(0|[1-9][0-9]{0,4}[smhd])$"
POOL: Final = r"^[^\x00-\x1f\x7f]{1,256}$"

type Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Form:
    """Text of one form, with a message of our own and the same form in the published schema."""

    pattern: str
    expected: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "pattern": self.pattern}

    def _check(self, value: str) -> str:
        # `fullmatch`, because `$` alone would let a line break at the end pass.
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"{value[:150]!r}: expected {self.expected}")
        return value


@dataclass(frozen=True)
class Range:
    """A whole number, with a message that names both ends."""

    lowest: int
    highest: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "integer", "minimum": self.lowest, "maximum": self.highest}

    def _check(self, value: int) -> int:
        if not self.lowest <= value <= self.highest:
            raise ValueError(f"expected a number from {self.lowest} to {self.highest}")
        return value


def _folder(value: Any) -> Any:
    return value.removeprefix("./").rstrip("/") or "." if isinstance(value, str) and value not in {"", "/"} else value


def version(value: Any) -> Any:
    # To Python, true is 1 and so is 1.0.
    if type(value) is not int or value != 1:
        raise ValueError("expected 1, the only version of this file's form")
    return value


def patterns(value: Any) -> Any:
    if value == EVERYTHING:
        return ("*",)
    return tuple(value) if isinstance(value, list) else value


def _principals(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError("expected a list of names of users, groups or service principals")  # noqa: TRY004 - pydantic's own
    return tuple(value)


def _texts(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError("expected a list of names")  # noqa: TRY004 - pydantic's own
    return tuple(value)


def _selection(value: Any) -> Any:
    """``changed`` stays a word of its own: a DAG module ends in .py."""
    if isinstance(value, str) and value in {EVERYTHING, CHANGED}:
        return ("*",) if value == EVERYTHING else (CHANGED,)
    if not isinstance(value, list):
        raise ValueError("expected changed, all, or a list of DAG modules and patterns")  # noqa: TRY004 - pydantic's own
    return tuple(value)


def _mask(value: Any) -> Any:
    scalar(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("expected a finite number")
    if isinstance(value, str) and len(value) > _LONGEST_MASK:
        raise ValueError(f"expected at most {_LONGEST_MASK} characters")
    return value


def _seed(value: str) -> str:
    if value != EVERYTHING:
        try:
            parse_predicate(value)
        except UnsafeStatementError as error:
            raise ValueError(str(error)) from error
    return value


_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _no_time(value: Any) -> Any:
    """YAML's ``soak: 0`` is a number, and needs no unit."""
    return "0" if type(value) is int and value == 0 else value


def duration(text: str) -> timedelta:
    """Of text that has the form of a ``Duration``."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])}) if text != "0" else timedelta(0)


def scalar(value: Any) -> Scalar:
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError("expected text, a number, true, false or null")
    return value


def distinct[T](found: dict[str, T]) -> dict[str, T]:
    if len({name.lower() for name in found}) != len(found):
        raise ValueError("two names differ in case only, which a warehouse does not tell apart")
    return found


type Name = Annotated[str, Form(_NAME, "a name of letters, digits and _, not beginning with a digit")]
type BaseTable = Annotated[str, Form(_BASE_TABLE, "the name of a table: letters, digits, _ and -")]
type NameOrPattern = Annotated[str, Form(_NAME_OR_PATTERN, "the name of a table, or a pattern with *")]
type Suffix = Annotated[str, Form(_SUFFIX, "letters, digits and _")]
type PreviewSuffix = Annotated[str, Form(_PREVIEW_SUFFIX, "letters, digits and _ around {environment}")]
type ReleaseSuffix = Annotated[str, Form(_RELEASE_SUFFIX, "letters, digits and _")]
type Folder = Annotated[
    str, BeforeValidator(_folder), Form(_FOLDER, "a folder inside of the repository, such as dags or src/dags")
]
type Module = Annotated[str, Form(_MODULE, "the path of a DAG module below the dags folder, or a pattern with *")]
type File = Annotated[str, Form(_FOLDER, "a file inside of the repository, such as requirements.txt")]
LIST_OR_ALL: Final[dict[str, Any]] = {
    "anyOf": [
        {"const": EVERYTHING},
        {"type": "array", "items": {"type": "string", "pattern": _NAME_OR_PATTERN}},
    ]
}
SCALAR_SCHEMA: Final[dict[str, Any]] = {"type": ["string", "number", "boolean", "null"]}
_SELECTION_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"enum": [EVERYTHING, CHANGED]},
        {"type": "array", "items": {"type": "string", "pattern": _MODULE}},
    ]
}
Selection = Annotated[tuple[Module, ...], BeforeValidator(_selection), WithJsonSchema(_SELECTION_SCHEMA)]
Patterns = Annotated[tuple[NameOrPattern, ...], BeforeValidator(patterns), WithJsonSchema(LIST_OR_ALL)]
_TEXTS_OR_ALL: Final[dict[str, Any]] = {
    "anyOf": [{"const": EVERYTHING}, {"type": "array", "items": {"type": "string", "pattern": _TEXT}}]
}
type Label = Annotated[str, Form(_LABEL, "the name of a label, at most 50 characters")]
type TextPattern = Annotated[str, Form(_TEXT, "a name, or a pattern with *")]
TextPatterns = Annotated[tuple[TextPattern, ...], BeforeValidator(patterns), WithJsonSchema(_TEXTS_OR_ALL)]
type Text = Annotated[str, Form(_TEXT, "a name")]
type Texts = Annotated[tuple[Text, ...], BeforeValidator(_texts)]
type Query = Annotated[str, Form(_QUERY, "a query of at most 10,000 characters")]
_DURATION_SCHEMA: Final[dict[str, Any]] = {"anyOf": [{"const": 0}, {"type": "string", "pattern": _DURATION}]}
Duration = Annotated[
    str,
    BeforeValidator(_no_time),
    Form(_DURATION, "a time such as 30m, 2h or 1d"),
    WithJsonSchema(_DURATION_SCHEMA),
]
type Seed = Annotated[str, AfterValidator(_seed)]
type ColumnName = Annotated[str, Form(_COLUMN, "the name of a column, or *")]
type ColumnMask = Annotated[Any, AfterValidator(_mask), WithJsonSchema(SCALAR_SCHEMA)]
type Principal = Annotated[str, Form(_PRINCIPAL, "the name of a user, group or service principal")]
type Principals = Annotated[tuple[Principal, ...], BeforeValidator(_principals)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
