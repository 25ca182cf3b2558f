"""Archives and the short-lived links to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from github import (
    Github,
)

from local.github import LocalGitHub, Repository
from tests.integration.local_github.world import FILES, LFS_POINTER, untarred, unzipped


@pytest.mark.parametrize(("file_format", "files_in"), [("tarball", untarred), ("zipball", unzipped)])
def test_an_archive_is_what_git_archive_makes_of_the_commit(
    client: Github, repository: Repository, file_format: str, files_in: Callable[[bytes], dict[str, bytes]]
) -> None:
    sha = repository.branch_sha("main")
    top = f"acme-pipelines-{sha[:7]}"

    link = client.get_repo("acme/pipelines").get_archive_link(file_format, sha)
    files = files_in(requests.get(link, timeout=10).content)

    assert {name.split("/")[0] for name in files} == {top}
    assert f"{top}/tests/only.py" not in files
    assert f"{top}/vendored" in files
    assert files[f"{top}/version.txt"].decode().strip() == sha
    assert files[f"{top}/data/model.bin"] == LFS_POINTER


def test_an_archive_link_needs_no_token_and_opens_its_own_repository_for_a_while(
    double: LocalGitHub, client: Github, repository: Repository
) -> None:
    other = double.create_repository("acme/other", FILES)
    link = client.get_repo("acme/pipelines").get_archive_link("tarball", "main")
    double.site.archive_links.lifetime_seconds = 0.0
    expired = client.get_repo("acme/pipelines").get_archive_link("tarball", "main")

    assert requests.get(link, timeout=10).status_code == 200
    assert requests.get(link.replace("acme/pipelines", other.full_name), timeout=10).status_code == 404
    assert requests.get(link.partition("?")[0], timeout=10).status_code == 404
    assert requests.get(expired, timeout=10).status_code == 404
