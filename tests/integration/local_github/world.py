"""What the tests of the double start from: a repository with everything a commit can hold, and ways to ask for it."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import Any

import requests
from github import (
    Auth,
    Github,
)

from local.github import File, GitHubApp, Link, LocalGitHub, Submodule

SECRET = "made-up secret"
TOKEN = "made-up-token"
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"
FILES: dict[str, Any] = {
    "dags/qu/main.py": b"import airflow\n",
    "dags/qu/query.sql": b"SELECT 1\n",
    "dags/link.py": Link("qu/main.py"),
    "dags/outside": Link("../../etc/passwd"),
    "bin/run": File(b"#!/bin/sh\n", executable=True),
    "data/model.bin": LFS_POINTER,
    "vendored": Submodule("1" * 40),
    ".gitmodules": b'[submodule "vendored"]\n\tpath = vendored\n\turl = https://example.org/vendored.git\n',
    "tests/only.py": b"assert True\n",
    "version.txt": b"$Format:%H$\n",
    ".gitattributes": b"tests export-ignore\nversion.txt export-subst\n*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "latin.bytes": bytes(range(256)),
    "umläut name.txt": b"x",
}


def client_of(double: LocalGitHub, token: str = TOKEN, **options: Any) -> Github:
    return Github(
        base_url=double.url,
        auth=Auth.Token(token),
        seconds_between_requests=None,
        seconds_between_writes=None,
        retry=None,
        **options,
    )


def client_of_app(double: LocalGitHub, app: GitHubApp, permissions: dict[str, str] | None = None) -> Github:
    """What PyGithub makes of the App's only installation, with all of its permissions or with fewer."""
    (installation,) = double.site.state.apps.installations
    auth = Auth.AppAuth(app.app_id, app.private_key).get_installation_auth(installation, permissions)
    return Github(
        base_url=double.url, auth=auth, seconds_between_requests=None, seconds_between_writes=None, retry=None
    )


def ask(
    double: LocalGitHub, method: str, path: str, token: str = TOKEN, *, data: bytes | None = None, json: Any = None
) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.request(method, double.url + path, headers=headers, data=data, json=json, timeout=10)


def get(double: LocalGitHub, path: str, token: str | None = TOKEN) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(double.url + path, headers=headers, timeout=10)


def untarred(content: bytes) -> dict[str, bytes]:
    """What is in the archive, empty for what is no file."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = archive.getmembers()
        files = {one.name: archive.extractfile(one) if one.isfile() else None for one in members}
        return {name: file.read() if file else b"" for name, file in files.items()}


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name.rstrip("/"): archive.read(name) for name in archive.namelist()}
