"""Every environment variable of the functions: one frozen, typed settings class per function.

No default for anything that names a resource. ``load`` tells all that is missing or malformed in one error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, TypedDict

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from dagbranch.domain.access import Access
from dagbranch.domain.data_stack import DataStack
from dagbranch.domain.naming import LANES, RELEASE_LANES, is_repository_name
from dagbranch.domain.policy import Policy
from dagbranch.domain.source_allowance import RepositoryLists
from dagbranch.domain.source_archive import Limits
from dagbranch.domain.statements import is_principal
from dagbranch.errors import ConfigurationError


def _repositories(value: object) -> object:
    """``owner/name, owner/other`` → a set of names; raises ValueError for anything else."""
    if not isinstance(value, str):
        return value
    names = [name.strip() for name in value.split(",") if name.strip()]
    wrong = [str(position) for position, name in enumerate(names, start=1) if not is_repository_name(name)]
    if wrong or not names:
        found = f"which {', '.join(wrong)} of {len(names)} is not" if names else "found nothing"
        raise ValueError(f"expected owner/name, comma-separated, {found}")
    return frozenset(name.lower() for name in names)


type Text = Annotated[str, Field(min_length=1)]
type Repositories = Annotated[frozenset[str], BeforeValidator(_repositories)]
type Lists = Annotated[RepositoryLists, BeforeValidator(_lists)]
type Principals = Annotated[tuple[str, ...], BeforeValidator(_principals)]
type Lane = Annotated[str, Field(pattern=f"^({'|'.join(LANES)})$")]
type Limit = Annotated[int, Field(ge=0)]  # 0 is no limit
type Logins = Annotated[frozenset[str], BeforeValidator(_logins)]
type PublicKeys = Annotated[str, BeforeValidator(_public_keys)]

_LOGIN: Final = re.compile(r"[A-Za-z0-9_-]+(\[bot\])?")
_PEM_LINE: Final = re.compile(r"-----(BEGIN|END) PUBLIC KEY-----")
# In base64 the head of every SubjectPublicKeyInfo on that curve, then its point.
_P256_KEY: Final = re.compile(r"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE[A-Za-z0-9+/]{86}==")
_MOST_DAYS: Final = 3_650
_MOST_SETTLE_SECONDS: Final = 600


def _lists(value: object) -> object:
    """``_test, owner/name=_sandbox`` → values for all repositories, and for some by name. Raises ValueError."""
    if not isinstance(value, str):
        return value
    lists = RepositoryLists.parse(value)
    wrong = sum(1 for name in lists.by_repository if not is_repository_name(name))
    if wrong or not all(map(all, (lists.general, *lists.by_repository.values()))):
        raise ValueError("expected values, or owner/name=value, comma-separated")
    return lists


def _principals(value: object) -> object:
    """Comma-separated names of users, groups and service principals → each once. Raises ValueError."""
    if not isinstance(value, str):
        return value
    names = [name.strip() for name in value.split(",") if name.strip()]
    if not all(map(is_principal, names)):
        raise ValueError("expected names of users, groups or service principals, comma-separated")
    return tuple(dict.fromkeys(names))


def _logins(value: object) -> object:
    """Comma-separated logins at GitHub, which knows them in any case. Raises ValueError."""
    if not isinstance(value, str):
        return value
    logins = [login.strip() for login in value.split(",") if login.strip()]
    if not all(map(_LOGIN.fullmatch, logins)):
        raise ValueError("expected logins at GitHub, comma-separated")
    return frozenset(login.lower() for login in logins)


def _public_keys(value: object) -> object:
    """Public keys on P-256, in PEM or as ``aws kms get-public-key`` prints them → PEM. Raises ValueError."""
    if not isinstance(value, str):
        return value
    bare = "".join(_PEM_LINE.sub(",", value).split())
    keys = list(dict.fromkeys(key for key in bare.split(",") if key))
    if not all(map(_P256_KEY.fullmatch, keys)):
        raise ValueError("expected public keys on P-256, each in PEM or as aws kms get-public-key prints it")
    return "".join(f"-----BEGIN PUBLIC KEY-----\n{key[:64]}\n{key[64:]}\n-----END PUBLIC KEY-----\n" for key in keys)


class Settings(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=lambda name: name.upper(), str_strip_whitespace=True
    )


class _GitHubSettings(Settings):
    github_api_url: Text
    github_token_secret: Text
    allowed_repositories: Repositories


class _RegistrySettings(Settings):
    registry_table: Text
    lane: Lane


class _BusSettings(Settings):
    event_bus: Text


class _QueueSettings(Settings):
    """``dead_letters_url``: where a message goes that failed for good, or when it came for the last of its receives."""

    queue_url: Text
    dead_letters_url: Text
    most_receives: Annotated[int, Field(gt=0)]

    @property
    def queue(self) -> tuple[str, str, int]:
        """The arguments of a ``WorkQueue``."""
        return self.queue_url, self.dead_letters_url, self.most_receives


class _PolicySettings(Settings):
    expire_after_days: Annotated[int, Field(ge=0, le=_MOST_DAYS)]  # 0 is never
    keep_label: str
    most_environments: Limit
    most_dags: Limit
    intake: Literal["open", "paused"]

    @property
    def policy(self) -> Policy:
        return Policy(
            expire_after=timedelta(days=self.expire_after_days) if self.expire_after_days else None,
            keep_label=self.keep_label,
            most_environments=self.most_environments or None,
            most_dags=self.most_dags or None,
            is_paused=self.intake == "paused",
        )


class _DagsBucketSettings(Settings):
    dags_bucket: Text
    dags_path: Text


class _BucketsSettings(_DagsBucketSettings):
    artifacts_bucket: Text
    artifacts_path: Text

    @field_validator("artifacts_path")
    @classmethod
    def _apart(cls, path: str, known: ValidationInfo) -> str:
        """Airflow would load job code that lies in its dags folder, and every worker would sync it."""
        dags = known.data.get("dags_path")
        if dags and known.data.get("artifacts_bucket") == known.data.get("dags_bucket"):
            inner, outer = sorted((f"{path}/", f"{dags}/"), key=len, reverse=True)
            if inner.startswith(outer):
                raise ValueError("expected a path that is neither in DAGS_PATH of the same bucket nor around it")
        return path


class _SourceBucketSettings(Settings):
    source_bucket: Text


class _AirflowSettings(Settings):
    mwaa_environment: Text
    airflow_door: Literal["auto", "cli", "rest"]


class WarehouseAddress(TypedDict):
    """Arguments of a ``DatabricksWarehouse``."""

    host: str
    http_path: str


class LaneRules(TypedDict):
    """Arguments of a ``Promoter``."""

    lane: str
    next_lane: str | None
    first_release_lane: bool  # it takes what is pushed, instead of what a lane before promotes
    allowed_repositories: frozenset[str]
    releasers: frozenset[str]
    limits: Limits


class _WarehouseSettings(Settings):
    databricks_host: Text
    databricks_http_path: Text
    databricks_token_secret: Text

    @property
    def warehouse(self) -> WarehouseAddress:
        return {"host": self.databricks_host, "http_path": self.databricks_http_path}


class _LimitSettings(Settings):
    most_files: Annotated[int, Field(gt=0)]
    most_megabytes: Annotated[int, Field(gt=0)]

    @property
    def limits(self) -> Limits:
        return Limits(files=self.most_files, size_bytes=self.most_megabytes * 1_000_000)


class ReceiveWebhookSettings(Settings):
    event_bus: Text
    registry_table: Text
    webhook_secret: Text


class FetchSourceSettings(
    _GitHubSettings,
    _RegistrySettings,
    _BusSettings,
    _QueueSettings,
    _PolicySettings,
    _SourceBucketSettings,
    _BucketsSettings,
    _LimitSettings,
):
    package_index_url: Annotated[str, Field(pattern=r"^(default|https?://[^\s@]+)?$")]  # an @ follows a credential
    push_settle_seconds: Annotated[int, Field(ge=0, le=_MOST_SETTLE_SECONDS)]  # 0 is at once

    @property
    def push_settle(self) -> timedelta:
        return timedelta(seconds=self.push_settle_seconds)


class PackageDagsSettings(
    _RegistrySettings, _BusSettings, _QueueSettings, _SourceBucketSettings, _BucketsSettings, _LimitSettings
):
    pass


class ProvisionDataSettings(
    _RegistrySettings, _BusSettings, _QueueSettings, _SourceBucketSettings, _WarehouseSettings, _LimitSettings
):
    readable_catalogs: Lists
    readable_source_suffixes: Lists
    reader_principals: Principals
    writer_principals: Principals

    @property
    def data_stack(self) -> DataStack:
        access = Access(self.reader_principals, self.writer_principals)
        return DataStack(self.readable_catalogs, self.readable_source_suffixes, access)


class VerifyEnvironmentSettings(_RegistrySettings, _BusSettings, _QueueSettings, _AirflowSettings, _DagsBucketSettings):
    verify_patience_seconds: Annotated[int, Field(gt=0)]


class SweepEnvironmentsSettings(
    _GitHubSettings,
    _RegistrySettings,
    _BusSettings,
    _QueueSettings,
    _PolicySettings,
    _DagsBucketSettings,
    _AirflowSettings,
    _WarehouseSettings,
):
    follow_base_hour: Annotated[int, Field(ge=0, le=23)]


class RemoveEnvironmentSettings(
    _GitHubSettings,
    _RegistrySettings,
    _BusSettings,
    _QueueSettings,
    _PolicySettings,
    _SourceBucketSettings,
    _BucketsSettings,
    _AirflowSettings,
    _WarehouseSettings,
):
    removal_settle_seconds: Annotated[int, Field(ge=0)]

    @property
    def removal_settle(self) -> timedelta:
        return timedelta(seconds=self.removal_settle_seconds)


class PromoteReleaseSettings(
    _GitHubSettings,
    _RegistrySettings,
    _BusSettings,
    _QueueSettings,
    _SourceBucketSettings,
    _BucketsSettings,
    _AirflowSettings,
    _WarehouseSettings,
    _LimitSettings,
):
    """Empty: ``next_lane`` in a last lane, ``promotion_public_key`` in a first one, the bucket until it is known."""

    next_lane: Annotated[str, Field(pattern=f"^({'|'.join(RELEASE_LANES)})?$")]
    next_lane_source_bucket: str
    promotion_key: str
    promotion_public_key: PublicKeys
    releasers: Logins

    @property
    def lane_rules(self) -> LaneRules:
        return {
            "lane": self.lane,
            "next_lane": self.next_lane or None,
            "first_release_lane": not self.promotion_public_key,
            "allowed_repositories": self.allowed_repositories,
            "releasers": self.releasers,
            "limits": self.limits,
        }


class AnswerCommandSettings(_GitHubSettings, _RegistrySettings, _BusSettings, _QueueSettings):
    pass


class ReportStatusSettings(_GitHubSettings, _RegistrySettings, _QueueSettings):
    deployments: Literal["on", "off"]


def load[S: Settings](settings: type[S], environ: Mapping[str, str]) -> S:
    """Raises ConfigurationError that names every variable which is missing or malformed, and none of their values."""
    try:
        return settings.model_validate(dict(environ))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigurationError(f"{settings.__name__}: {faults}") from None
