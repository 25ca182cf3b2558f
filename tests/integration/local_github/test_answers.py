"""Every answer of the double's REST API, against GitHub's published schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from local.github import LocalGitHub
from tests.integration.local_github.world import FILES, SECRET, TOKEN, get


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGitHub]:
    """One repository with a labelled pull request, a fork's draft and a merged one."""
    with LocalGitHub(tmp_path_factory.mktemp("github"), webhook_secret=SECRET, token=TOKEN) as double:
        repository = double.create_repository("acme/pipelines", FILES)
        repository.commit("feature1", {"dags/qu/query.sql": b"SELECT 2\n"}, "Ask for more")
        repository.open_pull("feature1", "More").label("preview")
        fork = repository.fork("stranger")
        fork.commit("patch", {"dags/moved.py": b"import airflow\n", "dags/qu/main.py": None}, "Move")
        repository.open_pull("patch", "From outside", head_repository=fork, draft=True)
        repository.commit("merged", {"merged.txt": b""}, "Merge me")
        repository.open_pull("merged", "Merged").close(merged=True)
        yield double


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/acme/pipelines", models.FullRepository),
        ("/stranger/pipelines", models.FullRepository),
        ("/acme/pipelines/pulls?state=all", list[models.PullRequestSimple]),
        ("/acme/pipelines/pulls/1", models.PullRequest),
        ("/acme/pipelines/pulls/2", models.PullRequest),
        ("/acme/pipelines/pulls/3", models.PullRequest),
        ("/acme/pipelines/pulls/2/files", list[models.DiffEntry]),
        ("/acme/pipelines/branches/main", models.BranchWithProtection),
        ("/acme/pipelines/commits/main", models.Commit),
        ("/acme/pipelines/compare/main...feature1", models.CommitComparison),
        ("/acme/pipelines/compare/main...{sha}?per_page=1&page=2", models.CommitComparison),
        ("/acme/pipelines/git/commits/{sha}", models.GitCommit),
        ("/acme/pipelines/git/trees/{sha}?recursive=1", models.GitTree),
        ("/acme/pipelines/git/blobs/{blob}", models.Blob),
        ("/acme/pipelines/contents", list[models.ContentDirectoryItems]),
        ("/acme/pipelines/contents/dags/qu/main.py?ref={sha}", models.ContentFile),
        ("/acme/pipelines/contents/dags/outside", models.ContentSymlink),
        ("/acme/pipelines/contents/vendored", models.ContentSubmodule),
        ("/acme/pipelines/nothing", models.BasicError),
        ("/acme/pipelines/commits/nothing", models.ValidationError),
    ],
)
def test_every_answer_is_valid_by_githubs_schema(busy: LocalGitHub, path: str, schema: Any) -> None:
    tree = get(busy, "/repos/acme/pipelines/git/trees/main").json()
    place = path.format(sha=tree["sha"], blob=tree["tree"][0]["sha"])

    answer = get(busy, f"/repos{place}")

    TypeAdapter(schema).validate_json(answer.content)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
