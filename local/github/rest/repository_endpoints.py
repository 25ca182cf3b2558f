"""The repository itself, its branches, commits and archives."""

from __future__ import annotations

from urllib.parse import quote

from local.github.git_objects import EMPTY_TREE, read_changes, read_commit
from local.github.payloads import commits
from local.github.payloads.repositories import full_repository
from local.github.rest.messages import Answer, ApiError, json_answer, not_found
from local.github.rest.site import Call, Site

ARCHIVES = {"tarball": ("legacy.tar.gz", "tar.gz"), "zipball": ("legacy.zip", "zip")}
_FORMATS = {"tar.gz": "application/x-gzip", "zip": "application/zip"}
_SHORT_SHA_LENGTH = 7


def show_repository(call: Call) -> Answer:
    record, known = call.hosted.record, call.site.state.repositories
    forks = sum(other.record.parent_id == record.id for other in list(known.values()))
    parent = known.get(record.parent_id) if record.parent_id else None
    return json_answer(full_repository(call.urls, call.hosted, forks=forks, parent=parent))


def show_branch(call: Call) -> Answer:
    name = call.parts["branch"]
    sha = call.hosted.git.find_branch(name)
    if sha is None:
        raise ApiError(404, "Branch not found")
    return json_answer(commits.branch(call.urls, call.full_name, name, read_commit(call.hosted.git, sha)))


def show_commit(call: Call) -> Answer:
    sha = call.hosted.git.resolve(call.parts["ref"])
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {call.parts['ref']}")
    commit = read_commit(call.hosted.git, sha)
    changes = read_changes(call.hosted.git, commit.parents[0] if commit.parents else EMPTY_TREE, sha)
    return json_answer(commits.shown_commit(call.urls, call.full_name, commit, changes))


def redirect_to_archive(call: Call) -> Answer:
    """The archive's address: good for a few minutes, for whoever has it, without the API's token."""
    ref = call.parts.get("ref") or call.hosted.record.default_branch
    call.commit_of(ref)
    kind, _ = ARCHIVES[call.parts["kind"]]
    token = call.site.archive_links.issue(call.hosted.record.id)
    location = f"{call.urls.html}/_codeload/{call.full_name}/{kind}/{quote(ref)}?token={token}"
    return Answer(302, b"", {"Location": location, "Cache-Control": "public, must-revalidate, max-age=0"})


def download_archive(site: Site, full_name: str, kind: str, ref: str, token: str) -> Answer:
    """The archive of what ``ref`` stands for now, under the top folder that GitHub gives it."""
    hosted = site.state.named(full_name)
    sha = hosted.git.resolve(ref) if hosted and site.archive_links.opens(token, hosted.record.id) else None
    if hosted is None or sha is None:
        return Answer(404, b"404: Not Found", {"Content-Type": "text/plain; charset=utf-8"})
    file_format = next(suffix for name, suffix in ARCHIVES.values() if name == kind)
    top_folder = f"{hosted.record.owner}-{hosted.record.name}-{sha[:_SHORT_SHA_LENGTH]}"
    headers = {
        "Content-Type": _FORMATS[file_format],
        "Content-Disposition": f"attachment; filename={top_folder}.{file_format}",
    }
    return Answer(200, hosted.git.archive(sha, file_format, top_folder), headers)


def show_git_commit(call: Call) -> Answer:
    sha = call.hosted.git.resolve(call.parts["sha"])
    if sha is None or sha != call.parts["sha"]:
        raise not_found()
    return json_answer(commits.git_commit(call.urls, call.full_name, read_commit(call.hosted.git, sha)))
