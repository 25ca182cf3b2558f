"""Check runs, their annotations, and commit statuses as the REST API shows them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from local.github.feedback import AnnotationRecord, CheckRecord, StatusRecord
from local.github.payloads.accounts import node_id
from local.github.payloads.apps import account, integration
from local.github.payloads.repositories import repository
from local.github.payloads.urls import Urls, time_text
from local.github.state import HostedRepository, PullRecord, State


def check_run(urls: Urls, state: State, hosted: HostedRepository, record: CheckRecord) -> dict[str, Any]:
    full_name = hosted.record.full_name
    api, page = f"{urls.repository(full_name)}/check-runs/{record.id}", f"{urls.page(full_name)}/runs/{record.id}"
    return {
        "id": record.id,
        "name": record.name,
        "node_id": node_id("CheckRun", record.id),
        "head_sha": record.head_sha,
        "external_id": record.external_id,
        "url": api,
        "html_url": page,
        "details_url": record.details_url or page,
        "status": record.status,
        "conclusion": record.conclusion,
        "started_at": time_text(record.started_at),
        "completed_at": time_text(record.completed_at) if record.completed_at else None,
        "output": {
            "title": record.title,
            "summary": record.summary,
            "text": record.text,
            "annotations_count": len(record.annotations),
            "annotations_url": f"{api}/annotations",
        },
        "check_suite": {"id": zlib.crc32(f"{record.app_id}:{record.head_sha}".encode())},
        "app": integration(urls, state.apps.registered[record.app_id]),
        "pull_requests": [_minimal_pull(urls, hosted, pull) for pull in _pulls_of(hosted, record.head_sha)],
    }


def annotation(urls: Urls, hosted: HostedRepository, sha: str, record: AnnotationRecord) -> dict[str, Any]:
    return {
        "path": record.path,
        "blob_href": urls.blob_page(hosted.record.full_name, record.path, sha),
        "start_line": record.start_line,
        "end_line": record.end_line,
        "start_column": record.start_column,
        "end_column": record.end_column,
        "annotation_level": record.annotation_level,
        "title": record.title,
        "message": record.message,
        "raw_details": record.raw_details,
    }


def status(urls: Urls, hosted: HostedRepository, record: StatusRecord) -> dict[str, Any]:
    creator = account(urls, record.creator)
    return {**_bare_status(urls, hosted, record, creator["avatar_url"]), "creator": creator}


def combined_status(
    urls: Urls, hosted: HostedRepository, sha: str, found: list[StatusRecord], page: Sequence[StatusRecord]
) -> dict[str, Any]:
    """The newest status of each context, a page at a time, and what they all come to together."""
    states = {one.state for one in found}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    api = f"{urls.repository(hosted.record.full_name)}/commits/{sha}"
    avatars = {one.id: account(urls, one.creator)["avatar_url"] for one in page}
    return {
        "state": state,
        "statuses": [_bare_status(urls, hosted, one, avatars[one.id]) for one in page],
        "sha": sha,
        "total_count": len(found),
        "repository": repository(urls, hosted),
        "commit_url": api,
        "url": f"{api}/status",
    }


def _bare_status(urls: Urls, hosted: HostedRepository, record: StatusRecord, avatar_url: str) -> dict[str, Any]:
    return {
        "url": f"{urls.repository(hosted.record.full_name)}/statuses/{record.sha}",
        "avatar_url": avatar_url,
        "id": record.id,
        "node_id": node_id("StatusContext", record.id),
        "state": record.state,
        "description": record.description,
        "target_url": record.target_url,
        "context": record.context,
        "created_at": time_text(record.created_at),
        "updated_at": time_text(record.created_at),
    }


def _pulls_of(hosted: HostedRepository, sha: str) -> list[PullRecord]:
    """Those from the repository itself; a fork's are never told."""
    ours = [pull for pull in list(hosted.pulls.values()) if pull.head_repository_id == hosted.record.id]
    return [pull for pull in ours if (pull.state, pull.head_sha) == ("open", sha)]


def _minimal_pull(urls: Urls, hosted: HostedRepository, pull: PullRecord) -> dict[str, Any]:
    api = urls.repository(hosted.record.full_name)
    ours = {"id": hosted.record.id, "url": api, "name": hosted.record.name}
    return {
        "id": pull.id,
        "number": pull.number,
        "url": f"{api}/pulls/{pull.number}",
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": ours},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": ours},
    }
