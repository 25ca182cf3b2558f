"""Trees, blobs and the contents of a path."""

from __future__ import annotations

import posixpath
from typing import Any

from local.github.git_command import git_line
from local.github.git_objects import TreeEntry, blob_size_bytes, find_entry, read_blob, read_tree
from local.github.payloads import contents
from local.github.rest.messages import Answer, ApiError, json_answer, not_found
from local.github.rest.site import Call

_BASE64_LIMIT_BYTES = 1024 * 1024  # docs.github.com, "Get repository content": larger files come raw only


def show_tree(call: Call) -> Answer:
    """The tree of a commit, branch or tree sha; ``sha`` in the answer is what the name in the path stands for."""
    asked = call.parts["sha"]
    sha = call.hosted.git.resolve(asked) or call.hosted.git.resolve(asked, "tree")
    if sha is None:
        raise not_found()
    entries = read_tree(call.hosted.git, sha, recursive="recursive" in call.request.query)
    return json_answer(contents.tree(call.urls, call.full_name, sha, entries, limit=call.site.tree_entry_limit))


def show_blob(call: Call) -> Answer:
    content = _content(call, call.parts["sha"])
    if call.wants_raw():
        return _raw(content)
    return json_answer(contents.blob(call.urls, call.full_name, call.parts["sha"], content))


def show_contents(call: Call) -> Answer:
    """A file, a folder, a link or a submodule; a link to a file of the repository is shown as that file."""
    ref = call.request.query.get("ref") or call.hosted.record.default_branch
    commit, path = call.hosted.git.resolve(ref), call.parts["path"].strip("/")
    if commit is None:
        raise ApiError(404, f"No commit found for the ref {ref}")
    entry = find_entry(call.hosted.git, commit, path) if path else None
    if path and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        return json_answer(_folder(call, ref, commit, path))
    if entry.kind == "commit":
        return json_answer(_submodule(call, ref, commit, entry, path))
    return _file_or_link(call, ref, commit, entry, path)


def _folder(call: Call, ref: str, commit: str, path: str) -> list[dict[str, Any]]:
    entries = read_tree(call.hosted.git, f"{commit}:{path}", recursive=False)
    return [contents.listed_entry(call.urls, call.full_name, ref, entry, path) for entry in entries]


def _file_or_link(call: Call, ref: str, commit: str, entry: TreeEntry, path: str) -> Answer:
    if contents.is_link(entry):
        target = read_blob(call.hosted.git, entry.sha).decode()
        followed = find_entry(call.hosted.git, commit, posixpath.join(posixpath.dirname(path), target))
        if followed is None or followed.kind != "blob" or contents.is_link(followed):
            return json_answer(contents.shown_link(call.urls, call.full_name, ref, entry, path, target))
        entry = followed
    content = _content(call, entry.sha)
    if call.wants_raw():
        return _raw(content)
    encoded = content if len(content) <= _BASE64_LIMIT_BYTES else None
    return json_answer(contents.shown_file(call.urls, call.full_name, ref, entry, path, encoded))


def _submodule(call: Call, ref: str, commit: str, entry: TreeEntry, path: str) -> dict[str, Any]:
    """Where the submodule comes from stands in ``.gitmodules``, under a name that is its path unless it was renamed."""
    option = ["--blob", f"{commit}:.gitmodules", "--get", f"submodule.{path}.url"]
    git_url = git_line(call.hosted.git.folder, "config", *option) or ""
    return contents.shown_submodule(call.urls, call.full_name, ref, entry, path, git_url)


def _content(call: Call, sha: str) -> bytes:
    size_bytes = blob_size_bytes(call.hosted.git, sha)
    if size_bytes is None:
        raise not_found()
    if size_bytes > call.site.blob_limit_bytes:
        limit = f"{call.site.blob_limit_bytes // 1024**2} MB"
        message = f"This API returns blobs up to {limit} in size. The requested blob is too large to fetch via the API."
        raise ApiError(403, message, [{"resource": "Blob", "field": "data", "code": "too_large"}])
    return read_blob(call.hosted.git, sha)


def _raw(content: bytes) -> Answer:
    return Answer(200, content, {"Content-Type": "application/vnd.github.raw; charset=utf-8"})
