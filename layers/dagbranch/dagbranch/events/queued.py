"""What comes through each function's queue, from whichever source it is."""

from __future__ import annotations

from typing import Final

from aws_lambda_powertools.utilities.parser import BaseModel

from dagbranch.domain.naming import RELEASE
from dagbranch.domain.reports import MergeGroup
from dagbranch.domain.requests import (
    ArchiveUploaded,
    CommentEvent,
    DataRequest,
    DeploymentEvent,
    EnvironmentEvent,
    EventKind,
    JudgedRequest,
    PullRequestEvent,
    PushEvent,
    ReleaseTick,
    ReportRequest,
    SeedRequest,
)
from dagbranch.errors import InvalidEventError
from dagbranch.events.envelopes import DAGBRANCH, GITHUB, S3, SCHEDULE, BusEvent, bus_event, json_in, parsed
from dagbranch.events.github import (
    comment_of_github,
    deployment_of_github,
    merge_group_of_github,
    pull_request_of_github,
    push_of_github,
)
from dagbranch.events.own import (
    own_data_request,
    own_environment_event,
    own_judged_request,
    own_release_request,
    own_report_request,
    own_request,
    seed_request,
)

type ReleaseWork = DeploymentEvent | EnvironmentEvent | ArchiveUploaded | ReleaseTick | None

_OF_RELEASES: Final = frozenset({EventKind.READY, EventKind.FAILED, EventKind.ENVIRONMENT_REQUESTED})


class _S3Object(BaseModel):
    key: str


class ObjectCreated(BaseModel):
    object: _S3Object


def pull_request_event(body: str) -> PullRequestEvent:
    """GitHub's ``pull_request`` event, or dagbranch's own request for a pull request."""
    return _pull_request_event(bus_event(body))


def fetch_work(body: str) -> PullRequestEvent | PushEvent | None:
    """What asks for a commit's source: an event or a request of a pull request, or of the default branch.

    None where it is no push to a branch.
    """
    event = bus_event(body)
    if event.detail_type == "push":
        return push_of_github(event)
    return (
        own_release_request(event) if event.detail_type == EventKind.RELEASE_REQUESTED else _pull_request_event(event)
    )


def comment_event(body: str) -> CommentEvent | None:
    """GitHub's ``issue_comment``; None where it is no new comment on a pull request."""
    return comment_of_github(bus_event(body))


def report_work(body: str, lane: str) -> ReportRequest | JudgedRequest | MergeGroup | None:
    """An event of dagbranch's own, or a merge queue's question; None where it is nothing to tell of in this lane."""
    event = bus_event(body)
    if event.source == GITHUB:
        return merge_group_of_github(event)
    if event.detail_type == EventKind.RELEASE_JUDGED:
        return own_judged_request(event, lane)
    return own_report_request(event, lane)


def release_work(body: str, lane: str) -> ReleaseWork:
    """What comes through the queue of the promotions; an empty object, put there by hand, is a tick of the schedule.

    None for a deployment to no release lane.
    """
    payload = json_in(body)
    if payload == {}:
        return ReleaseTick()
    event = parsed(BusEvent, payload)
    if event.source == GITHUB:
        return deployment_of_github(event)
    if event.source == S3:
        return _uploaded(event)
    return ReleaseTick() if event.source == SCHEDULE else _own_release_event(event, lane)


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


def _pull_request_event(event: BusEvent) -> PullRequestEvent:
    return own_request(event) if event.source == DAGBRANCH else pull_request_of_github(event)


def _own_release_event(event: BusEvent, lane: str) -> EnvironmentEvent:
    own = own_environment_event(event)
    if event.source != DAGBRANCH or own.kind not in _OF_RELEASES or own.lane != lane or own.pull_number > RELEASE:
        raise InvalidEventError(f"{event.detail_type!r} of {event.source} is no event of a release in {lane}")
    return own


def _uploaded(event: BusEvent) -> ArchiveUploaded:
    return ArchiveUploaded(parsed(ObjectCreated, event.detail).object.key, event.time)
