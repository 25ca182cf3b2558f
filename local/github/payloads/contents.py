"""Trees, blobs and contents as the REST API shows them."""

from __future__ import annotations

import base64
from typing import Any

from local.github.git_objects import TreeEntry
from local.github.payloads.accounts import node_id
from local.github.payloads.urls import Urls

_LINE_LENGTH = 60
_LINK_MODE = "120000"


def tree(urls: Urls, full_name: str, sha: str, entries: list[TreeEntry], *, limit: int) -> dict[str, Any]:
    """What ``GET …/git/trees/{sha}`` answers; of more than ``limit`` entries the first, and ``truncated``."""
    return {
        "sha": sha,
        "url": f"{urls.repository(full_name)}/git/trees/{sha}",
        "tree": [_tree_entry(urls, full_name, entry) for entry in entries[:limit]],
        "truncated": len(entries) > limit,
    }


def blob(urls: Urls, full_name: str, sha: str, content: bytes) -> dict[str, Any]:
    return {
        "sha": sha,
        "node_id": node_id("Blob", sha),
        "size": len(content),
        "url": _git_url(urls, full_name, "blob", sha),
        "content": base64_lines(content),
        "encoding": "base64",
    }


def listed_entry(urls: Urls, full_name: str, ref: str, entry: TreeEntry, folder: str) -> dict[str, Any]:
    """An entry of a directory; GitHub lists submodules as files there, for the sake of old clients."""
    kind = {"tree": "dir", "blob": "symlink" if is_link(entry) else "file", "commit": "file"}[entry.kind]
    path = f"{folder}/{entry.path}" if folder else entry.path
    return _content(urls, full_name, ref, entry, path) | {"type": kind}


def shown_file(
    urls: Urls, full_name: str, ref: str, entry: TreeEntry, path: str, content: bytes | None
) -> dict[str, Any]:
    """A file with its content; without it (``None``) where GitHub calls the file too large for base64."""
    encoding, text = ("none", "") if content is None else ("base64", base64_lines(content))
    shown = _content(urls, full_name, ref, entry, path)
    return shown | {"type": "file", "encoding": encoding, "content": text}


def shown_link(urls: Urls, full_name: str, ref: str, entry: TreeEntry, path: str, target: str) -> dict[str, Any]:
    return _content(urls, full_name, ref, entry, path) | {"type": "symlink", "target": target}


def shown_submodule(urls: Urls, full_name: str, ref: str, entry: TreeEntry, path: str, git_url: str) -> dict[str, Any]:
    shown = _content(urls, full_name, ref, entry, path)
    return shown | {"type": "submodule", "submodule_git_url": git_url, "git_url": None, "html_url": None}


def is_link(entry: TreeEntry) -> bool:
    return entry.mode == _LINK_MODE


def base64_lines(content: bytes) -> str:
    encoded = base64.b64encode(content).decode()
    return "".join(f"{encoded[start : start + _LINE_LENGTH]}\n" for start in range(0, len(encoded), _LINE_LENGTH))


def _tree_entry(urls: Urls, full_name: str, entry: TreeEntry) -> dict[str, Any]:
    shown: dict[str, Any] = {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha}
    if entry.size_bytes is not None:
        shown["size"] = entry.size_bytes
    if entry.kind != "commit":
        shown["url"] = _git_url(urls, full_name, entry.kind, entry.sha)
    return shown


def _content(urls: Urls, full_name: str, ref: str, entry: TreeEntry, path: str) -> dict[str, Any]:
    api, page = urls.contents(full_name, path, ref), urls.blob_page(full_name, path, ref)
    git_url = _git_url(urls, full_name, entry.kind, entry.sha)
    return {
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": entry.sha,
        "size": entry.size_bytes or 0,
        "url": api,
        "html_url": page,
        "git_url": git_url,
        "download_url": page.replace("/blob/", "/raw/", 1) if entry.kind == "blob" else None,
        "_links": {"self": api, "git": git_url, "html": page},
    }


def _git_url(urls: Urls, full_name: str, kind: str, sha: str) -> str:
    return f"{urls.repository(full_name)}/git/{kind}s/{sha}"
