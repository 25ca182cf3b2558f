"""Two commits compared: where they parted, and what one has that the other has not."""

from __future__ import annotations

from local.github.git_objects import count_commits, list_commits, read_changes, read_commit
from local.github.payloads import commits
from local.github.rest.messages import Answer, json_answer, not_found
from local.github.rest.pagination import page_of
from local.github.rest.site import Call

_MOST_FILES = 300  # docs.github.com, "Compare two commits": the first page alone has them


def compare(call: Call) -> Answer:
    """What ``head`` has since it parted from ``base``; 404 where one of them is not there, or they never were one."""
    git = call.hosted.git
    base, head = call.commit_of(call.parts["base"]), call.commit_of(call.parts["head"])
    parted = git.merge_base(base, head)
    if parted is None:
        raise not_found()
    address = f"{call.urls.repository(call.full_name)}/compare/{call.parts['base']}...{call.parts['head']}"
    page, headers = page_of(list_commits(git, base, head), call.request.query, address)
    is_first = call.request.query.get("page", "1") == "1"
    changes = read_changes(git, parted, head)[:_MOST_FILES] if is_first else None
    ahead, behind = count_commits(git, base, head), count_commits(git, head, base)
    listed = [read_commit(git, sha) for sha in page]
    ends = [read_commit(git, sha) for sha in (base, parted, head)]
    shown = commits.comparison(call.urls, call.full_name, ends, listed, changes, ahead_by=ahead, behind_by=behind)
    return json_answer(shown, headers=headers)
