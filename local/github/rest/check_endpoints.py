"""Check runs and their annotations: only Apps write them, and each its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from local.github.feedback import AnnotationRecord, CheckRecord
from local.github.payloads import checks
from local.github.rest.inputs import AnnotationInput, ChangedCheckInput, CheckInput, OutputInput, read
from local.github.rest.messages import Answer, ApiError, json_answer, not_found
from local.github.rest.pagination import page_of
from local.github.rest.site import Call
from local.github.state import now

_SHA_LENGTH = 40


def create_check(call: Call) -> Answer:
    app_id, wanted = _app_id(call), read(CheckInput, call.request)
    _check_outcome(wanted.status, wanted.conclusion)
    if len(wanted.head_sha) != _SHA_LENGTH or call.hosted.git.resolve(wanted.head_sha) is None:
        raise ApiError(422, f"No commit found for SHA: {wanted.head_sha}")
    number = call.site.state.next_id()
    begun = CheckRecord(number, app_id, wanted.name, wanted.head_sha, "queued", wanted.started_at or now())
    record = _applied(begun, wanted)
    call.hosted.feedback.checks[number] = record
    return json_answer(checks.check_run(call.urls, call.site.state, call.hosted, record), 201)


def change_check(call: Call) -> Answer:
    app_id, wanted = _app_id(call), read(ChangedCheckInput, call.request)
    _check_outcome(wanted.status, wanted.conclusion)
    with call.site.state.lock:
        record = _check(call)
        if record.app_id != app_id:
            words = "check run can only be modified by the GitHub App that created it."
            raise ApiError(403, f"Invalid app_id `{app_id}` - {words}")
        call.hosted.feedback.checks[record.id] = changed = _applied(record, wanted)
    return json_answer(checks.check_run(call.urls, call.site.state, call.hosted, changed))


def show_check(call: Call) -> Answer:
    return json_answer(checks.check_run(call.urls, call.site.state, call.hosted, _check(call)))


def list_annotations(call: Call) -> Answer:
    record = _check(call)
    page, headers = page_of(
        record.annotations, call.request.query, call.address(f"/check-runs/{record.id}/annotations")
    )
    shown = [checks.annotation(call.urls, call.hosted, record.head_sha, one) for one in page]
    return json_answer(shown, headers=headers)


def list_checks(call: Call) -> Answer:
    """Of a commit, newest first; the latest of each name unless ``filter=all``."""
    query, sha = call.request.query, call.known_commit(call.parts["ref"])
    found = call.hosted.feedback.checks_of(sha, latest=query.get("filter", "latest") == "latest")
    for key, value in (("check_name", "name"), ("status", "status"), ("app_id", "app_id")):
        found = [one for one in found if key not in query or str(getattr(one, value)) == query[key]]
    page, headers = page_of(found, query, call.address(f"/commits/{call.parts['ref']}/check-runs"))
    shown = [checks.check_run(call.urls, call.site.state, call.hosted, one) for one in page]
    return json_answer({"total_count": len(found), "check_runs": shown}, headers=headers)


def _app_id(call: Call) -> int:
    if call.actor.app_id is None:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    return call.actor.app_id


def _check(call: Call) -> CheckRecord:
    record = call.hosted.feedback.checks.get(int(call.parts["check"]))
    if record is None:
        raise not_found()
    return record


def _check_outcome(status: str | None, conclusion: str | None) -> None:
    if status == "completed" and conclusion is None:
        raise ApiError(422, 'Invalid request.\n\n"conclusion" wasn\'t supplied.')
    if conclusion == "stale":
        raise ApiError(422, "Invalid request.\n\nOnly GitHub can change a check run conclusion to stale.")


def _applied(record: CheckRecord, wanted: CheckInput | ChangedCheckInput) -> CheckRecord:
    """What is given changes, the rest stays; one that has ended keeps its status for good."""
    told: dict[str, Any] = {"details_url": wanted.details_url, "external_id": wanted.external_id, "name": wanted.name}
    changed = replace(record, **{key: value for key, value in told.items() if value is not None})
    if wanted.output is not None:
        changed = _with_output(changed, wanted.output)
    return replace(changed, **_progress(record, wanted.status, wanted.conclusion, wanted.completed_at))


def _progress(
    record: CheckRecord, status: str | None, conclusion: str | None, completed_at: datetime | None
) -> dict[str, Any]:
    if conclusion is not None:
        return {"status": "completed", "conclusion": conclusion, "completed_at": completed_at or now()}
    return {"status": status if status is not None and record.status != "completed" else record.status}


def _with_output(record: CheckRecord, output: OutputInput) -> CheckRecord:
    added = tuple(_annotation(one) for one in output.annotations)
    return replace(
        record,
        title=output.title or record.title,
        summary=output.summary,
        text=output.text if output.text is not None else record.text,
        annotations=record.annotations + added,
    )


def _annotation(given: AnnotationInput) -> AnnotationRecord:
    has_columns = given.start_column is not None or given.end_column is not None
    if has_columns and given.start_line != given.end_line:
        raise ApiError(422, "Invalid request.\n\nstart_column and end_column must be omitted for more than one line.")
    return AnnotationRecord(**given.model_dump())
