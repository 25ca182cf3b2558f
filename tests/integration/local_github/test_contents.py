"""Trees, blobs, contents and commits through the unmodified PyGithub."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from github import (
    Github,
    GithubException,
)

from local.github import LocalGitHub, Repository
from tests.integration.local_github.world import FILES, SECRET, TOKEN, client_of, get


def test_the_tree_tells_links_executables_and_submodules(client: Github, repository: Repository) -> None:
    tree = client.get_repo("acme/pipelines").get_git_tree(repository.branch_sha("main"), recursive=True)
    entries = {entry.path: (entry.type, entry.mode) for entry in tree.tree}

    assert entries["bin/run"] == ("blob", "100755")
    assert entries["dags/link.py"] == ("blob", "120000")
    assert entries["vendored"] == ("commit", "160000")
    assert entries["dags/qu"] == ("tree", "040000")
    assert entries["umläut name.txt"] == ("blob", "100644")
    assert not tree.raw_data["truncated"]


def test_a_tree_beyond_the_limit_is_truncated(tmp_path: Path) -> None:
    with LocalGitHub(tmp_path, webhook_secret=SECRET, token=TOKEN, tree_entry_limit=2) as double:
        double.create_repository("acme/pipelines", FILES)
        tree = get(double, "/repos/acme/pipelines/git/trees/main?recursive=1").json()

    assert (len(tree["tree"]), tree["truncated"]) == (2, True)


def test_a_blob_comes_as_it_is_and_not_beyond_the_limit(tmp_path: Path) -> None:
    with LocalGitHub(tmp_path, webhook_secret=SECRET, token=TOKEN, blob_limit_bytes=256) as double:
        double.create_repository("acme/pipelines", {"small": FILES["latin.bytes"], "large": b"x" * 257})
        with client_of(double) as client:
            repository = client.get_repo("acme/pipelines")
            shas = {entry.path: entry.sha for entry in repository.get_git_tree("main").tree}
            small = repository.get_git_blob(shas["small"])
            with pytest.raises(GithubException) as refused:
                repository.get_git_blob(shas["large"])

    assert (small.encoding, small.size) == ("base64", 256)
    assert small.raw_data["content"].count("\n") == 6
    assert (refused.value.status, refused.value.data["errors"][0]["code"]) == (403, "too_large")


def test_contents_follow_a_link_inside_the_repository(client: Github, repository: Repository) -> None:
    contents = client.get_repo("acme/pipelines").get_contents

    linked, outside, folder = contents("dags/link.py"), contents("dags/outside"), contents("dags")

    assert not isinstance(linked, list)
    assert not isinstance(outside, list)
    assert isinstance(folder, list)
    assert linked.decoded_content == b"import airflow\n"
    assert (outside.type, outside.raw_data["target"]) == ("symlink", "../../etc/passwd")
    assert {(one.path, one.type) for one in folder} == {
        ("dags/link.py", "symlink"),
        ("dags/outside", "symlink"),
        ("dags/qu", "dir"),
    }


def test_branches_and_commits_are_found_by_names_with_slashes(client: Github, repository: Repository) -> None:
    sha = repository.commit("feature/one", {"one.txt": b""}, "One\n\nwith a body")
    found = client.get_repo("acme/pipelines")

    assert found.get_branch("feature/one").commit.sha == sha
    assert found.get_commit("feature/one").commit.message == "One\n\nwith a body"
    assert [file.filename for file in found.get_commit(sha).files] == ["one.txt"]
    assert found.get_git_commit(sha).parents[0].sha == repository.branch_sha("main")


def test_a_repository_is_made_from_a_folder_as_it_is(double: LocalGitHub, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "dags").mkdir(parents=True)
    (source / "dags" / "main.py").write_bytes(b"import airflow\r\n")
    (source / "run").write_text("#!/bin/sh\n")
    (source / "run").chmod(0o755)
    (source / "link").symlink_to("dags/main.py")
    os.mkfifo(source / "pipe")

    double.create_repository("acme/folder", source, default_branch="trunk")
    shown = get(double, "/repos/acme/folder").json()
    tree = get(double, "/repos/acme/folder/git/trees/trunk?recursive=1").json()["tree"]

    assert shown["default_branch"] == "trunk"
    assert {(entry["path"], entry["mode"]) for entry in tree} == {
        ("dags", "040000"),
        ("dags/main.py", "100644"),
        ("run", "100755"),
        ("link", "120000"),
    }
