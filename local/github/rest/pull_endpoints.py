"""Pull requests: listed, shown, and their changed files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from local.github.git_objects import read_changes
from local.github.payloads import commits, pulls
from local.github.rest.messages import Answer, json_answer
from local.github.rest.pagination import page_of
from local.github.rest.site import Call
from local.github.state import PullRecord


def list_pulls(call: Call) -> Answer:
    query = call.request.query
    chosen = [pull for pull in list(call.hosted.pulls.values()) if _asked_for(pull, query)]
    chosen.sort(key=_sort_key(query), reverse=_descending(query))
    page, headers = page_of(chosen, query, call.address("/pulls"))
    shown = [pulls.listed_pull(call.urls, call.site.state, call.hosted, pull) for pull in page]
    return json_answer(shown, headers=headers)


def show_pull(call: Call) -> Answer:
    return json_answer(pulls.shown_pull(call.urls, call.site.state, call.hosted, call.pull()))


def list_files(call: Call) -> Answer:
    pull, git = call.pull(), call.hosted.git
    parted = git.merge_base(pull.base_sha, pull.head_sha) or pull.base_sha
    address = call.address(f"/pulls/{pull.number}/files")
    page, headers = page_of(read_changes(git, parted, pull.head_sha), call.request.query, address)
    shown = [commits.changed_file(call.urls, call.full_name, pull.head_sha, change) for change in page]
    return json_answer(shown, headers=headers)


def _asked_for(pull: PullRecord, query: Mapping[str, str]) -> bool:
    state = query.get("state", "open")
    return (
        state in {pull.state, "all"}
        and query.get("base", pull.base_ref) == pull.base_ref
        and query.get("head", "") in {"", f"{pull.head_owner}:{pull.head_ref}"}
    )


def _sort_key(query: Mapping[str, str]) -> Callable[[PullRecord], tuple[datetime, int]]:
    by_update = query.get("sort") == "updated"
    return lambda pull: (pull.updated_at if by_update else pull.created_at, pull.number)


def _descending(query: Mapping[str, str]) -> bool:
    """GitHub: newest first by default when sorted by creation, or not sorted; else ascending."""
    default = "desc" if query.get("sort", "created") == "created" else "asc"
    return query.get("direction", default) == "desc"
