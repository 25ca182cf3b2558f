"""What ``dagbranch.yaml`` may say: the typed form of a pipelines repository's wishes, every value checked."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from dagbranch.domain.naming import folder_prefix, schema_name
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.errors import UnsafeStatementError

EVERYTHING: Final = "all"
CHANGED: Final = "changed"
_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
_NAME_OR_PATTERN: Final = r"^[A-Za-z_*][A-Za-z0-9_*]{0,127}$"
_SUFFIX: Final = r"^[A-Za-z0-9_]{0,64}$"
_RELEASE_SUFFIX: Final = r"^[A-Za-z0-9_]{0,64}(\{environment\})?[A-Za-z0-9_]{0,64}$"
_PREVIEW_SUFFIX: Final = r"^[A-Za-z0-9_]{0,64}\{environment\}[A-Za-z0-9_]{0,64}$"
_FOLDER: Final = r"^(\.|(?!\.{1,2}(/|$))[^/\\\x00-\x1f\x7f]+(/(?!\.{1,2}(/|$))[^/\\\x00-\x1f\x7f]+)*)$"

_MODULE: Final = r"^[^\\\x00-\x1f\x7f]{1,500}$"
_POOL: Final = r"^[^\x00-\x1f\x7f]{1,256}$"

UnpackedCopy = Literal["auto", "always", "never"]
type Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class _Form:
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
class _Range:
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


def _version(value: Any) -> Any:
    # To Python, true is 1 and so is 1.0.
    if type(value) is not int or value != 1:
        raise ValueError("expected 1, the only version of this file's form")
    return value


def _patterns(value: Any) -> Any:
    if value == EVERYTHING:
        return ("*",)
    return tuple(value) if isinstance(value, list) else value


def _selection(value: Any) -> Any:
    """``changed`` stays a word of its own: a DAG module ends in .py."""
    if isinstance(value, str) and value in {EVERYTHING, CHANGED}:
        return ("*",) if value == EVERYTHING else (CHANGED,)
    if not isinstance(value, list):
        raise ValueError("expected changed, all, or a list of DAG modules and patterns")  # noqa: TRY004 - pydantic's own
    return tuple(value)


def _seed(value: str) -> str:
    if value != EVERYTHING:
        try:
            parse_predicate(value)
        except UnsafeStatementError as error:
            raise ValueError(str(error)) from error
    return value


def _scalar(value: Any) -> Scalar:
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError("expected text, a number, true, false or null")
    return value


def _distinct[T](found: dict[str, T]) -> dict[str, T]:
    if len({name.lower() for name in found}) != len(found):
        raise ValueError("two names differ in case only, which a warehouse does not tell apart")
    return found


type Name = Annotated[str, _Form(_NAME, "a name of letters, digits and _, not beginning with a digit")]
type NameOrPattern = Annotated[str, _Form(_NAME_OR_PATTERN, "the name of a table, or a pattern with *")]
type Suffix = Annotated[str, _Form(_SUFFIX, "letters, digits and _")]
type PreviewSuffix = Annotated[str, _Form(_PREVIEW_SUFFIX, "letters, digits and _ around {environment}")]
type ReleaseSuffix = Annotated[str, _Form(_RELEASE_SUFFIX, "letters, digits and _")]
type Folder = Annotated[
    str, BeforeValidator(_folder), _Form(_FOLDER, "a folder inside of the repository, such as dags or src/dags")
]
type Module = Annotated[str, _Form(_MODULE, "the path of a DAG module below the dags folder, or a pattern with *")]
type File = Annotated[str, _Form(_FOLDER, "a file inside of the repository, such as requirements.txt")]
_LIST_OR_ALL: Final[dict[str, Any]] = {
    "anyOf": [
        {"const": EVERYTHING},
        {"type": "array", "items": {"type": "string", "pattern": _NAME_OR_PATTERN}},
    ]
}
_SCALAR_SCHEMA: Final[dict[str, Any]] = {"type": ["string", "number", "boolean", "null"]}
_SELECTION_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"enum": [EVERYTHING, CHANGED]},
        {"type": "array", "items": {"type": "string", "pattern": _MODULE}},
    ]
}
Selection = Annotated[tuple[Module, ...], BeforeValidator(_selection), WithJsonSchema(_SELECTION_SCHEMA)]
Patterns = Annotated[tuple[NameOrPattern, ...], BeforeValidator(_patterns), WithJsonSchema(_LIST_OR_ALL)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WrittenTable(_Section):
    """A table that the pipelines write: a real table of the environment's own."""

    seed: Annotated[str, AfterValidator(_seed)] | None = Field(
        default=None, description="Which rows of the base the table begins with: a condition on its columns, or: all."
    )


class SchemaSpecification(_Section):
    """What the pipelines use of one schema."""

    catalog: Name | None = Field(default=None, description="Unity Catalog's first level of the name.")
    read: Patterns = Field(default=(), description="Tables that are read, by name or pattern, or: all.")
    write: Annotated[dict[Name, WrittenTable], AfterValidator(_distinct)] = Field(
        default={}, description="Tables that are written."
    )


class DataSpecification(_Section):
    """The data environment: schemas, by the name that the pipelines' code gives them."""

    source_suffix: Suffix = Field(default="", description="What the base's schemas end in, such as _test.")
    schemas: Annotated[dict[Name, SchemaSpecification], AfterValidator(_distinct)]


class LaneSettings(_Section):
    """How a lane runs the pipelines; other keys with plain values are passed on to the DAGs."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(_scalar), WithJsonSchema(_SCALAR_SCHEMA)]] = Field(
        init=False
    )

    retries: Annotated[int, _Range(0, 100)] | None = Field(default=None, description="Retries of every task.")
    src_conn: str | None = Field(default=None, description="The connection id to read with.")
    dst_conn: str | None = Field(default=None, description="The connection id to write with.")
    bucket: str | None = Field(default=None, description="The bucket of the lane's files.")
    source_suffix: Suffix | None = Field(default=None, description="Instead of data.source_suffix.")
    pool: Annotated[str, _Form(_POOL, "the name of an Airflow pool")] | None = Field(
        default=None, description="The pool of every task; {environment} stands for the environment's name."
    )
    max_active_tasks: Annotated[int, _Range(1, 1000)] | None = Field(
        default=None, description="How many tasks of one DAG run at a time."
    )
    shared_assets: Annotated[tuple[str, ...], BeforeValidator(_patterns)] = Field(
        default=(),
        description="Assets (datasets) that keep their name and URI: names, URIs and patterns with *, or: all.",
    )


class PreviewSettings(LaneSettings):
    schedules: bool = Field(default=False, description="Whether DAGs keep their schedules.")
    as_written: bool = Field(default=False, description="Whether DAGs run as their code says.")
    catchup: bool = Field(default=False, description="Whether DAGs that have a schedule catch up.")
    emails: bool = Field(default=False, description="Whether tasks send e-mails when they fail or are retried.")
    max_active_runs: Annotated[int, _Range(1, 100)] = Field(
        default=1, description="How many runs of a DAG there are at a time."
    )
    table_suffix: PreviewSuffix = Field(default="_{environment}", description="What the environment's schemas end in.")


class ReleaseSettings(LaneSettings):
    schedules: bool = Field(default=True, description="Whether DAGs keep their schedules.")
    as_written: bool = Field(default=True, description="Whether DAGs run as their code says.")
    table_suffix: ReleaseSuffix | None = Field(default=None, description="What the lane's schemas end in.")


class Lanes(_Section):
    preview: PreviewSettings = Field(default_factory=PreviewSettings)
    stage: ReleaseSettings = Field(default_factory=ReleaseSettings)
    prod: ReleaseSettings = Field(default_factory=ReleaseSettings)


class PipelineFile(_Section):
    """The whole file. Without one, ``dags/`` is packaged and there is no data environment."""

    version: Annotated[Literal[1], BeforeValidator(_version)]
    dags: Folder = Field(default="dags", description="The folder that would be Airflow's dags folder.")
    requirements: File | None = Field(
        default=None, description="Pure-Python packages to travel with the DAGs: exact versions with hashes."
    )
    select: Selection | None = Field(
        default=None,
        description="Which DAG modules a preview shows: changed (the default above 20 of them), all, or a list.",
    )
    unpacked_copy: UnpackedCopy = Field(
        default="auto", alias="copy", description="Whether the files lie beside the zip too: auto is up to 500 of them."
    )
    artifacts: dict[Name, Folder] = Field(
        default={}, description="Folders of job code that are uploaded, by the name that artifact() knows them by."
    )
    data: DataSpecification | None = None
    lanes: Lanes = Field(default_factory=Lanes)

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of the repository that hold what is packaged, beside what lies at its root."""
        of_requirements = posixpath.dirname(self.requirements or "")
        return (self.dags, *self.artifacts.values(), *([of_requirements] if of_requirements else []))

    def kept(self, path: str) -> bool:
        """Whether this file of the repository is packaged."""
        prefixes = tuple(map(folder_prefix, (self.dags, *self.artifacts.values())))
        return path in {PIPELINE_FILE, self.requirements} or path.startswith(prefixes)

    def settings(self, lane: str) -> PreviewSettings | ReleaseSettings:
        """How that lane runs the pipelines, with the data's source suffix where the lane has none of its own."""
        settings: PreviewSettings | ReleaseSettings = getattr(self.lanes, lane)
        if settings.source_suffix is not None or self.data is None:
            return settings
        return settings.model_copy(update={"source_suffix": self.data.source_suffix})

    def data_of(self, lane: str) -> DataSpecification | None:
        """The data environment of that lane: the same tables, from the lane's own source."""
        if self.data is None:
            return None
        return self.data.model_copy(update={"source_suffix": self.settings(lane).source_suffix})

    def table_suffix(self, lane: str) -> str:
        """What the lane's own schemas end in; a lane that makes none has an empty one."""
        return self.settings(lane).table_suffix or ""

    def schema_names(self, lane: str, environment: str) -> dict[str, str]:
        """The environment's name of every declared schema, as code is told it."""
        declared = self.data.schemas if self.data else ()
        return {schema: schema_name(schema, environment, self.table_suffix(lane)) for schema in declared}
