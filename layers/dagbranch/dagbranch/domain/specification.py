"""What ``dagbranch.yaml`` may say: the typed form of a pipelines repository's wishes, every value checked."""

from __future__ import annotations

import posixpath
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from dagbranch.domain.data_specification import DataSpecification
from dagbranch.domain.naming import NEXT, folder_prefix, schema_name
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.specification_values import (
    POOL,
    SCALAR_SCHEMA,
    Duration,
    File,
    Folder,
    Form,
    Label,
    Name,
    PreviewSuffix,
    Query,
    Range,
    ReleaseSuffix,
    Section,
    Selection,
    Suffix,
    TextPatterns,
    Texts,
    duration,
    patterns,
    scalar,
    version,
)

UnpackedCopy = Literal["auto", "always", "never"]


class LaneSettings(Section):
    """How a lane runs the pipelines; other keys with plain values are passed on to the DAGs."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(scalar), WithJsonSchema(SCALAR_SCHEMA)]] = Field(
        init=False
    )

    retries: Annotated[int, Range(0, 100)] | None = Field(default=None, description="Retries of every task.")
    alerts: str | None = Field(default=None, description="Where alerts go, for the DAGs' own code.")
    src_conn: str | None = Field(default=None, description="The connection id to read with.")
    dst_conn: str | None = Field(default=None, description="The connection id to write with.")
    bucket: str | None = Field(default=None, description="The bucket of the lane's files.")
    source_suffix: Suffix | None = Field(default=None, description="Instead of data.source_suffix.")
    pool: Annotated[str, Form(POOL, "the name of an Airflow pool")] | None = Field(
        default=None, description="The pool of every task; {environment} stands for the environment's name."
    )
    max_active_tasks: Annotated[int, Range(1, 1000)] | None = Field(
        default=None, description="How many tasks of one DAG run at a time."
    )
    shared_assets: Annotated[tuple[str, ...], BeforeValidator(patterns)] = Field(
        default=(),
        description="Assets (datasets) that keep their name and URI: names, URIs and patterns with *, or: all.",
    )


class PreviewSettings(LaneSettings):
    schedules: bool = Field(default=False, description="Whether DAGs keep their schedules.")
    as_written: bool = Field(default=False, description="Whether DAGs run as their code says.")
    catchup: bool = Field(default=False, description="Whether DAGs that have a schedule catch up.")
    emails: bool = Field(default=False, description="Whether tasks send e-mails when they fail or are retried.")
    max_active_runs: Annotated[int, Range(1, 100)] = Field(
        default=1, description="How many runs of a DAG there are at a time."
    )
    table_suffix: PreviewSuffix = Field(default="_{environment}", description="What the environment's schemas end in.")


class Promotion(Section):
    """What has to hold in the lane before, for a commit to come into this one."""

    auto: bool = Field(default=False, description="Whether a commit comes by itself when all gates pass.")
    soak: Duration = Field(default="0", description="How long it has been ready in the lane before: 30m, 2h, 1d.")
    checks: TextPatterns = Field(
        default=("*",), description="Checks of the commit at GitHub that have to be green: names and patterns, or: all."
    )
    runs: Texts = Field(default=(), description="DAGs that had a successful run of it in the lane before.")
    data_checks: dict[Name, Query] = Field(
        default={}, description="Queries that have to return no rows in the lane before, by name."
    )

    @property
    def soak_time(self) -> timedelta:
        return duration(self.soak)


class ReleaseSettings(LaneSettings):
    schedules: bool = Field(default=True, description="Whether DAGs keep their schedules.")
    as_written: bool = Field(
        default=True,
        description="Whether DAGs run as their code says. Without it, they do but for what this lane says of runs.",
    )
    catchup: bool | None = Field(default=None, description="Whether DAGs that have a schedule catch up.")
    emails: bool | None = Field(default=None, description="Whether tasks send e-mails when they fail or are retried.")
    max_active_runs: Annotated[int, Range(1, 100)] | None = Field(
        default=None, description="How many runs of a DAG there are at a time."
    )
    table_suffix: ReleaseSuffix | None = Field(
        default=None, description="What the lane's schemas end in; with a source_suffix, dagbranch makes them."
    )
    promotion: Promotion = Field(default_factory=Promotion)

    @field_validator("table_suffix")
    @classmethod
    def _differs(cls, table_suffix: str | None, info: ValidationInfo) -> str | None:
        source_suffix = info.data.get("source_suffix")
        if table_suffix is not None and source_suffix is not None and table_suffix.lower() == source_suffix.lower():
            raise ValueError("expected another than source_suffix: the lane would write to what it reads")
        return table_suffix

    @property
    def runs_as_written(self) -> bool:
        """Whether nothing of how DAGs run is changed; a lane that says something of it means that it is."""
        if "as_written" in self.model_fields_set:
            return self.as_written
        said = (self.retries, self.pool, self.max_active_tasks, self.catchup, self.emails, self.max_active_runs)
        return self.schedules and all(one is None for one in said)

    @property
    def makes_data(self) -> bool:
        """Whether views and outputs are made here; else the tables are there already, as of a lane called prod."""
        return self.source_suffix is not None and self.table_suffix is not None

    @property
    def of_a_canary(self) -> ReleaseSettings:
        """Beside what stands: nothing starts it, and its data is its own, made of the lane's source or its tables."""
        own = self.table_suffix or ""
        return self.model_copy(
            update={
                "schedules": False,
                "as_written": False,
                "catchup": False,
                "emails": False,
                "source_suffix": self.source_suffix if self.makes_data else own,
                "table_suffix": f"{own}_{NEXT}",
            }
        )


class Lanes(Section):
    preview: PreviewSettings = Field(default_factory=PreviewSettings)
    stage: ReleaseSettings = Field(default_factory=ReleaseSettings)
    prod: ReleaseSettings = Field(default_factory=ReleaseSettings)


class Previews(Section):
    """Which pull requests get an environment. Read from the default branch alone."""

    label: Label | None = Field(default=None, description="Only pull requests that carry this label.")
    except_label: Label | None = Field(default=None, description="No pull request that carries this label.")
    drafts: bool = Field(default=False, description="Whether drafts get one too.")
    bases: TextPatterns = Field(
        default=(), description="Base branches, names and patterns with *, or: all. Without it, the default branch."
    )
    paths: TextPatterns = Field(
        default=(), description="Only changes of these paths, with *, or: all. Without it, what is packaged."
    )


class PipelineFile(Section):
    """The whole file. Without one, ``dags/`` is packaged and there is no data environment."""

    version: Annotated[Literal[1], BeforeValidator(version)]
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
    archive: Literal["made", "uploaded"] = Field(
        default="made",
        description="Whether dagbranch makes the source archive, or a workflow uploads it.",
    )
    previews: Previews = Field(default_factory=Previews)
    data: DataSpecification | None = None
    lanes: Lanes = Field(default_factory=Lanes)

    @property
    def packaged(self) -> tuple[str, ...]:
        """What is packaged beside this file itself, in words for people."""
        folders = (f"{folder_prefix(folder) or './'}" for folder in (self.dags, *self.artifacts.values()))
        return tuple(dict.fromkeys([*folders, *([self.requirements] if self.requirements else [])]))

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of the repository that hold what is packaged, beside what lies at its root."""
        of_requirements = posixpath.dirname(self.requirements or "")
        return (self.dags, *self.artifacts.values(), *([of_requirements] if of_requirements else []))

    def kept(self, path: str) -> bool:
        """Whether this file of the repository is packaged."""
        prefixes = tuple(map(folder_prefix, (self.dags, *self.artifacts.values())))
        return path in {PIPELINE_FILE, self.requirements} or path.startswith(prefixes)

    def settings(self, lane: str, *, is_canary: bool = False) -> PreviewSettings | ReleaseSettings:
        """How that lane runs the pipelines, with the data's source suffix where the lane has none of its own."""
        settings = self._own_settings(lane, is_canary=is_canary)
        if settings.source_suffix is not None or self.data is None:
            return settings
        return settings.model_copy(update={"source_suffix": self.data.source_suffix})

    def told_settings(self, lane: str, *, is_canary: bool = False) -> dict[str, Any]:
        """Those that the runtime and the DAGs' code are told."""
        settings = self.settings(lane, is_canary=is_canary)
        told = settings.model_dump(exclude_none=True, exclude={"promotion"})
        return told | ({"as_written": settings.runs_as_written} if isinstance(settings, ReleaseSettings) else {})

    def makes_data(self, lane: str, *, is_canary: bool = False) -> bool:
        """Whether a data environment is made in that lane, of whatever is declared."""
        settings = self._own_settings(lane, is_canary=is_canary)
        return settings.makes_data if isinstance(settings, ReleaseSettings) else True

    def data_of(self, lane: str, *, is_canary: bool = False) -> DataSpecification | None:
        """The data environment of that lane: the same tables, from the lane's own source. None where none is made."""
        if self.data is None or not self.makes_data(lane, is_canary=is_canary):
            return None
        suffix = self.settings(lane, is_canary=is_canary).source_suffix
        return self.data.model_copy(update={"source_suffix": suffix})

    def table_suffix(self, lane: str, *, is_canary: bool = False) -> str:
        """What the lane's own schemas end in, be they made or there already."""
        return self.settings(lane, is_canary=is_canary).table_suffix or ""

    def schema_names(self, lane: str, environment: str, *, is_canary: bool = False) -> dict[str, str]:
        """The environment's name of every declared schema, as code is told it."""
        suffix = self.table_suffix(lane, is_canary=is_canary)
        return {schema: schema_name(schema, environment, suffix) for schema in (self.data.schemas if self.data else ())}

    def _own_settings(self, lane: str, *, is_canary: bool) -> PreviewSettings | ReleaseSettings:
        settings: PreviewSettings | ReleaseSettings = getattr(self.lanes, lane)
        return settings.of_a_canary if is_canary and isinstance(settings, ReleaseSettings) else settings
