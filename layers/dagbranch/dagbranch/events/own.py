"""dagbranch's own events: what ``domain/requests`` writes into their detail, read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from aws_lambda_powertools.utilities.parser import BaseModel
from pydantic import Field

from dagbranch.domain.naming import CANARY, RELEASE_LANES, is_environment_name
from dagbranch.domain.reports import Answer, Reaction
from dagbranch.domain.requests import (
    DataRequest,
    EnvironmentEvent,
    EventKind,
    JudgedRequest,
    PullRequestEvent,
    PushEvent,
    ReportRequest,
    SeedRequest,
    Wish,
)
from dagbranch.errors import InvalidEventError
from dagbranch.events.envelopes import BusEvent, bus_event, parsed

_DATA_REQUESTS: Final[Mapping[str, Literal["reset", "check"]]] = {
    EventKind.DATA_RESET_REQUESTED: "reset",
    EventKind.DATA_CHECK_REQUESTED: "check",
}


class _Data(BaseModel):
    repository_id: int


class _Wish(BaseModel):
    by: str
    is_forced: bool = False
    approved: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    keep: bool = False
    schedules: bool | None = None
    removal: bool = False
    at: datetime | None = None


class _RequestData(_Data):
    orphan: str | None = None
    schemas: tuple[str, ...] = ()
    wish: _Wish | None = None


class _Answer(BaseModel):
    comment_id: int
    author: str
    command: str
    text: str
    reaction: Reaction
    at: datetime


class _ReportData(_Data):
    answer: _Answer | None = None


class _Detail(BaseModel):
    version: Literal[1]
    repository: str
    pull_number: int = Field(ge=CANARY)


class EnvironmentDetail(_Detail):
    lane: str
    head_sha: str
    generation: int
    at: datetime
    data: _Data


class RequestDetail(_Detail):
    head_sha: str
    data: _RequestData


class DataDetail(_Detail):
    lane: str
    data: _Data


class ReportDetail(_Detail):
    lane: str
    head_sha: str
    at: datetime
    data: _ReportData


class _JudgedData(_Data):
    target: str = Field(pattern=f"^({'|'.join(RELEASE_LANES)})$")


class JudgedDetail(_Detail):
    lane: str
    head_sha: str
    data: _JudgedData


class _HeadData(_Data):
    branch: str = Field(min_length=1)


class HeadDetail(_Detail):
    data: _HeadData


class Seed(BaseModel):
    key: str
    generation: int
    table: str


class SeedMessage(BaseModel):
    seed: Seed


def environment_event(body: str) -> EnvironmentEvent:
    return own_environment_event(bus_event(body))


def own_environment_event(event: BusEvent) -> EnvironmentEvent:
    detail = parsed(EnvironmentDetail, event.detail)
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


def own_request(event: BusEvent) -> PullRequestEvent:
    """``Environment Requested`` and ``Removal Requested``: the sweep's, or what a command asked for."""
    detail = parsed(RequestDetail, event.detail)
    wish = detail.data.wish
    return PullRequestEvent(
        repository_id=detail.data.repository_id,
        repository=detail.repository,
        pull_number=detail.pull_number,
        head_sha=detail.head_sha,
        delivery=event.id,
        claims=None,
        orphan=_orphan(detail.data),
        schemas=detail.data.schemas,
        wish=Wish(**wish.model_dump()) if wish else None,
    )


def own_data_request(event: BusEvent, lane: str) -> DataRequest:
    kind = _DATA_REQUESTS.get(event.detail_type)
    detail = parsed(DataDetail, event.detail)
    if kind is None or detail.lane != lane:
        raise InvalidEventError(f"{event.detail_type!r} for the lane {detail.lane} is not for the data of {lane}")
    return DataRequest(kind, detail.data.repository_id, detail.repository, detail.pull_number, event.time)


def own_release_request(event: BusEvent) -> PushEvent:
    """As good as a push to the default branch, which never came."""
    detail = parsed(HeadDetail, event.detail)
    return PushEvent(detail.data.repository_id, detail.repository, detail.data.branch, event.id)


def own_judged_request(event: BusEvent, lane: str) -> JudgedRequest | None:
    """None for another lane's."""
    detail = parsed(JudgedDetail, event.detail)
    if detail.lane != lane:
        return None
    return JudgedRequest(detail.data.repository_id, detail.repository, detail.head_sha, detail.data.target)


def own_report_request(event: BusEvent, lane: str) -> ReportRequest | None:
    """None for another lane's."""
    detail = parsed(ReportDetail, event.detail)
    if detail.lane != lane:
        return None
    answer = detail.data.answer
    return ReportRequest(
        repository_id=detail.data.repository_id,
        repository=detail.repository,
        pull_number=detail.pull_number,
        head_sha=detail.head_sha,
        at=detail.at,
        answer=Answer(**answer.model_dump()) if answer else None,
    )


def seed_request(payload: dict[str, object]) -> SeedRequest:
    seed = parsed(SeedMessage, payload).seed
    return SeedRequest(seed.key, seed.generation, seed.table)


def _orphan(data: _RequestData) -> str | None:
    if data.orphan is not None and not is_environment_name(data.orphan):
        raise InvalidEventError(f"{data.orphan!r} is no environment's name")
    return data.orphan
