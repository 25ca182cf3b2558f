"""Raw AWS and GitHub payloads → typed requests: the only package that knows their shapes.

Every function raises InvalidEventError for a payload that is not what its source promises.
"""

from __future__ import annotations

from dagbranch.events.own import environment_event
from dagbranch.events.queued import (
    archive_uploaded,
    comment_event,
    data_work,
    fetch_work,
    pull_request_event,
    release_work,
    report_work,
)
from dagbranch.events.webhook import MOST_BODY_BYTES, webhook_request

__all__ = [
    "MOST_BODY_BYTES",
    "archive_uploaded",
    "comment_event",
    "data_work",
    "environment_event",
    "fetch_work",
    "pull_request_event",
    "release_work",
    "report_work",
    "webhook_request",
]
