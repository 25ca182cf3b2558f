"""Raw AWS and GitHub payloads → typed requests: the only module that knows their shapes.

Every function raises InvalidEventError for a payload that is not what its source promises.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from aws_lambda_powertools.utilities.parser import BaseModel, ValidationError, parse
from aws_lambda_powertools.utilities.parser.models import EventBridgeModel
from pydantic import Field

from dagbranch.domain.environments import PullRequest
from dagbranch.domain.naming import is_environment_name
from dagbranch.domain.requests import (
    ArchiveUploaded,
    DataRequest,
    EnvironmentEvent,
    EventKind,
    PullRequestEvent,
    SeedRequest,
    WebhookRequest,
)
from dagbranch.errors import InvalidEventError

GITHUB = "github.com"
DAGBRANCH = "dagbranch"
_DATA_REQUESTS: Final[Mapping[str, Literal["reset", "check"]]] = {
    EventKind.DATA_RESET_REQUESTED: "reset",
    EventKind.DATA_CHECK_REQUESTED: "check",
}


class _Event(EventBridgeModel):
    detail: dict[str, Any]


class _Repository(BaseModel):
    id: int
    full_name: str


class _HeadRepository(BaseModel):
    id: int


class _Head(BaseModel):
    sha: str = Field(pattern=r"^[0-9a-f]{40}$")
    ref: str
    repo: _HeadRepository | None


class _BaseRepository(BaseModel):
    default_branch: str


class _Base(BaseModel):
    ref: str
    repo: _BaseRepository


class _Label(BaseModel):
    name: str


class _PullRequest(BaseModel):
    number: int = Field(gt=0)
    state: Literal["open", "closed"]
    draft: bool = False
    head: _Head
    base: _Base
    labels: tuple[_Label, ...] = ()


class _PullRequestDetail(BaseModel):
    repository: _Repository
    pull_request: _PullRequest


class _S3Object(BaseModel):
    key: str


class _ObjectCreatedDetail(BaseModel):
    object: _S3Object


class _OwnData(BaseModel):
    repository_id: int


class _RequestData(_OwnData):
    orphan: str | None = None
    schemas: tuple[str, ...] = ()


class _OwnDetail(BaseModel):
    version: Literal[1]
    lane: str
    repository: str
    pull_number: int = Field(gt=0)
    head_sha: str
    generation: int
    at: datetime
    data: _OwnData


class _RequestDetail(BaseModel):
    version: Literal[1]
    repository: str
    pull_number: int = Field(gt=0)
    head_sha: str
    data: _RequestData


class _DataDetail(BaseModel):
    version: Literal[1]
    lane: str
    repository: str
    pull_number: int = Field(gt=0)
    data: _OwnData


class _Seed(BaseModel):
    key: str
    generation: int
    table: str


class _SeedMessage(BaseModel):
    seed: _Seed


def webhook_request(event: Mapping[str, Any]) -> WebhookRequest:
    """A function URL's or an HTTP API's request (payload format 2.0); header names in any case."""
    headers = event.get("headers")
    body = event.get("body") or ""
    if not isinstance(headers, Mapping) or not isinstance(body, str):
        raise InvalidEventError("the request is no HTTP request of payload format 2.0")
    sent = {str(name).lower(): str(value) for name, value in headers.items()}
    return WebhookRequest(
        body=_decoded(body) if event.get("isBase64Encoded") else body.encode(),
        signature=sent.get("x-hub-signature-256", ""),
        delivery=sent.get("x-github-delivery", ""),
        event_name=sent.get("x-github-event", ""),
    )


def pull_request_event(body: str) -> PullRequestEvent:
    """GitHub's ``pull_request`` event, or dagbranch's own request for a pull request, from a queue's message."""
    event = _event(body)
    if event.source == DAGBRANCH:
        own = _parsed(_RequestDetail, event.detail)
        return PullRequestEvent(
            repository_id=own.data.repository_id,
            repository=own.repository,
            pull_number=own.pull_number,
            head_sha=own.head_sha,
            delivery=event.id,
            claims=None,
            orphan=_orphan(own.data),
            schemas=own.data.schemas,
        )
    detail = _parsed(_PullRequestDetail, event.detail)
    pull, head = detail.pull_request, detail.pull_request.head
    claims = PullRequest(
        repository_id=detail.repository.id,
        repository=detail.repository.full_name,
        number=pull.number,
        is_open=pull.state == "open",
        is_draft=pull.draft,
        head_sha=head.sha,
        head_ref=head.ref,
        head_repository_id=head.repo.id if head.repo else None,
        base_ref=pull.base.ref,
        default_branch=pull.base.repo.default_branch,
        labels=frozenset(label.name for label in pull.labels),
    )
    return PullRequestEvent(
        repository_id=detail.repository.id,
        repository=detail.repository.full_name,
        pull_number=pull.number,
        head_sha=head.sha,
        delivery=event.resources[0] if event.resources else event.id,
        claims=claims,
    )


def _orphan(data: _RequestData) -> str | None:
    if data.orphan is not None and not is_environment_name(data.orphan):
        raise InvalidEventError(f"{data.orphan!r} is no environment's name")
    return data.orphan


def archive_uploaded(body: str) -> ArchiveUploaded:
    event = _event(body)
    detail = _parsed(_ObjectCreatedDetail, event.detail)
    return ArchiveUploaded(detail.object.key, event.time)


def data_work(body: str, lane: str) -> ArchiveUploaded | SeedRequest | DataRequest:
    """What comes through the queue of the data: an upload, a table to fill, or a request of this lane."""
    payload = _json(body)
    if isinstance(payload, dict) and "seed" in payload:
        seed = _parsed(_SeedMessage, payload).seed
        return SeedRequest(seed.key, seed.generation, seed.table)
    event = _parsed(_Event, payload)
    return _data_request(event, lane) if event.source == DAGBRANCH else archive_uploaded(body)


def _data_request(event: _Event, lane: str) -> DataRequest:
    kind = _DATA_REQUESTS.get(event.detail_type)
    detail = _parsed(_DataDetail, event.detail)
    if kind is None or detail.lane != lane:
        raise InvalidEventError(f"{event.detail_type!r} for the lane {detail.lane} is not for the data of {lane}")
    return DataRequest(kind, detail.data.repository_id, detail.repository, detail.pull_number, event.time)


def environment_event(body: str) -> EnvironmentEvent:
    event = _event(body)
    detail = _parsed(_OwnDetail, event.detail)
    return EnvironmentEvent(
        kind=event.detail_type,
        lane=detail.lane,
        repository=detail.repository,
        repository_id=detail.data.repository_id,
        pull_number=detail.pull_number,
        head_sha=detail.head_sha,
        generation=detail.generation,
        at=detail.at,
    )


def _event(body: str) -> _Event:
    return _parsed(_Event, _json(body))


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidEventError("the message is no JSON") from None


def _parsed[M: BaseModel](model: type[M], payload: dict[str, Any]) -> M:
    try:
        return parse(event=payload, model=model)
    except (ValidationError, ValueError) as error:
        raise InvalidEventError(f"no {model.__name__.strip('_')}: {_faults(error)}") from None


def _faults(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3])
    return type(error).__name__


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidEventError("the body says that it is base64, and is not") from None
