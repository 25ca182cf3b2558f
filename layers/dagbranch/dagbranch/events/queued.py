"""What comes through each function's queue, from whichever source it is."""

from __future__ import annotations

from aws_lambda_powertools.utilities.parser import BaseModel

from dagbranch.domain.reports import MergeGroup
from dagbranch.domain.requests import (
    ArchiveUploaded,
    CommentEvent,
    DataRequest,
    PullRequestEvent,
    ReportRequest,
    SeedRequest,
)
from dagbranch.events.envelopes import DAGBRANCH, GITHUB, BusEvent, bus_event, json_in, parsed
from dagbranch.events.github import comment_of_github, merge_group_of_github, pull_request_of_github
from dagbranch.events.own import own_data_request, own_report_request, own_request, seed_request


class _S3Object(BaseModel):
    key: str


class ObjectCreated(BaseModel):
    object: _S3Object


def pull_request_event(body: str) -> PullRequestEvent:
    """GitHub's ``pull_request`` event, or dagbranch's own request for a pull request."""
    event = bus_event(body)
    return own_request(event) if event.source == DAGBRANCH else pull_request_of_github(event)


def comment_event(body: str) -> CommentEvent | None:
    """GitHub's ``issue_comment``; None where it is no new comment on a pull request."""
    return comment_of_github(bus_event(body))


def report_work(body: str, lane: str) -> ReportRequest | MergeGroup | None:
    """An event of dagbranch's own, or a merge queue's question; None where it is nothing to tell of in this lane."""
    event = bus_event(body)
    if event.source == GITHUB:
        return merge_group_of_github(event)
    return own_report_request(event, lane)


def data_work(body: str, lane: str) -> ArchiveUploaded | SeedRequest | DataRequest:
    """What comes through the queue of the data: an upload, a table to fill, or a request of this lane."""
    payload = json_in(body)
    if isinstance(payload, dict) and "seed" in payload:
        return seed_request(payload)
    event = parsed(BusEvent, payload)
    return own_data_request(event, lane) if event.source == DAGBRANCH else _uploaded(event)


def archive_uploaded(body: str) -> ArchiveUploaded:
    """S3's ``Object Created``."""
    return _uploaded(bus_event(body))


def _uploaded(event: BusEvent) -> ArchiveUploaded:
    return ArchiveUploaded(parsed(ObjectCreated, event.detail).object.key, event.time)
