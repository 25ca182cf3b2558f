"""Commit statuses: what there was before check runs, and what a personal token may write."""

from __future__ import annotations

from local.github.feedback import StatusRecord
from local.github.payloads import checks
from local.github.rest.inputs import StatusInput, read
from local.github.rest.messages import Answer, ApiError, failed_validation, json_answer
from local.github.rest.pagination import page_of
from local.github.rest.site import Call
from local.github.state import now

_MOST_DESCRIPTION = 140
_MOST_STATUSES = 1000  # docs.github.com, "Create a commit status": per sha and context


def create_status(call: Call) -> Answer:
    wanted, sha = read(StatusInput, call.request), call.known_commit(call.parts["sha"])
    _check(wanted)
    earlier = [one for one in call.hosted.feedback.statuses_of(sha) if one.context == wanted.context]
    if len(earlier) >= _MOST_STATUSES:
        words = "This SHA and context has reached the maximum number of statuses."
        raise failed_validation("Status", "base", "custom", words)
    record = StatusRecord(call.site.state.next_id(), sha, call.actor, created_at=now(), **wanted.model_dump())
    call.hosted.feedback.statuses[record.id] = record
    return json_answer(checks.status(call.urls, call.hosted, record), 201)


def list_statuses(call: Call) -> Answer:
    sha = call.known_commit(call.parts["ref"])
    address = call.address(f"/commits/{call.parts['ref']}/statuses")
    page, headers = page_of(call.hosted.feedback.statuses_of(sha), call.request.query, address)
    return json_answer([checks.status(call.urls, call.hosted, one) for one in page], headers=headers)


def show_combined(call: Call) -> Answer:
    sha = call.known_commit(call.parts["ref"])
    found = call.hosted.feedback.latest_statuses(sha)
    page, headers = page_of(found, call.request.query, call.address(f"/commits/{call.parts['ref']}/status"))
    return json_answer(checks.combined_status(call.urls, call.hosted, sha, found, page), headers=headers)


def _check(wanted: StatusInput) -> None:
    if wanted.description and len(wanted.description) > _MOST_DESCRIPTION:
        words = f"description is too long (maximum is {_MOST_DESCRIPTION} characters)"
        raise failed_validation("Status", "description", "custom", words)
    if wanted.target_url and not wanted.target_url.startswith(("http://", "https://")):
        raise ApiError(
            422,
            "Validation Failed",
            [
                {
                    "resource": "Status",
                    "code": "custom",
                    "field": "target_url",
                    "message": "target_url must use http(s) scheme",
                }
            ],
        )
