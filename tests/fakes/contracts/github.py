"""What GitHub promises to the use cases: the fake in memory, and PyGithub against a double over real git, alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pytest

from dagbranch.domain.checkout import kept_links, plan_checkout
from dagbranch.domain.source_archive import Limits
from dagbranch.errors import TransientUpstreamError, UnsafeArchiveError, UpstreamError
from dagbranch.ports import GitHub
from local.github import File, Link, Submodule
from tests.fakes.github import Content, git_blob_id

FILES: Mapping[str, Content] = {
    "dags/qu/main.py": b"import airflow\n",
    "dags/qu/rows.sql": b"SELECT 1\n",
    "dags/link.py": Link("qu/main.py"),
    "dags/ünï code.txt": "ü".encode(),
    "dags/empty.txt": b"",
    "bin/run": File(b"#!/bin/sh\n", executable=True),
    "vendored": Submodule("1" * 40),
    "dagbranch.yaml": b"version: 1\n",
    "dags/bytes.bin": bytes(range(256)),
}
LIMITS = Limits()


class Place(Protocol):
    """One repository with one open pull request at a commit of FILES, which parted from ``main`` at ``base_sha``.

    That held a README.md, which it removes. It has the labels "keep-environment" and "ünï".

    What people may do there: "ada" admin, "mia" maintain, "will" write, "theo" triage, "rita" read. The GitHub App
    that asks has the repository by ``installation_id``; it is None where a token asks.

    ``main`` holds an empty ``later.txt`` meanwhile, and no ``dagbranch.yaml``.
    """

    github: GitHub
    repository: str
    pull_number: int
    head_sha: str
    base_sha: str
    installation_id: int | None


PEOPLE: Mapping[str, str] = {"ada": "admin", "mia": "maintain", "will": "write", "theo": "triage", "rita": "read"}


def keeps(path: str) -> bool:
    return path.startswith("dags/")


class GitHubContract:
    def test_a_pull_request_is_told_as_it_is(self, place: Place) -> None:
        pull = place.github.pull_request(place.repository, place.pull_number)

        assert pull is not None
        assert (pull.repository, pull.number, pull.head_sha) == (place.repository, place.pull_number, place.head_sha)
        assert (pull.is_open, pull.is_draft, pull.is_from_a_fork) == (True, False, False)
        assert (pull.head_ref, pull.base_ref, pull.default_branch) == ("feature1", "main", "main")
        assert pull.labels == {"keep-environment", "ünï"}
        assert list(place.github.open_pull_requests(place.repository)) == [pull]

    def test_a_pull_request_that_is_not_there_is_none(self, place: Place) -> None:
        assert place.github.pull_request(place.repository, 99) is None

    def test_a_file_is_its_bytes_or_none(self, place: Place) -> None:
        assert place.github.file(place.repository, place.head_sha, "dagbranch.yaml") == b"version: 1\n"
        assert place.github.file(place.repository, place.head_sha, "missing.yaml") is None

    def test_a_file_of_a_branch_is_that_of_its_newest_commit(self, place: Place) -> None:
        assert place.github.file(place.repository, "refs/heads/main", "later.txt") == b""
        assert place.github.file(place.repository, "refs/heads/main", "dagbranch.yaml") is None

    def test_a_file_of_a_branch_or_commit_that_is_not_there_is_refused_for_good(self, place: Place) -> None:
        for ref in ("refs/heads/gone", "0" * 40):
            with pytest.raises(UpstreamError) as error:
                place.github.file(place.repository, ref, "dagbranch.yaml")
            assert not isinstance(error.value, TransientUpstreamError)

    def test_a_submodule_is_no_file(self, place: Place) -> None:
        with pytest.raises(UnsafeArchiveError):
            place.github.file(place.repository, place.head_sha, "vendored")

    def test_the_tree_tells_every_file_link_and_submodule_with_gits_own_ids(self, place: Place) -> None:
        tree = place.github.tree(place.repository, place.head_sha, "dags")

        assert set(tree) == set(FILES)
        assert {path: entry.mode for path, entry in tree.items() if entry.mode != "100644"} == {
            "dags/link.py": "120000",
            "bin/run": "100755",
            "vendored": "160000",
        }
        assert tree["vendored"].sha == "1" * 40
        assert tree["dags/qu/main.py"].sha == git_blob_id(b"import airflow\n")
        assert tree["dags/bytes.bin"].size_bytes == 256

    def test_the_archive_has_the_wanted_files_and_no_other(self, place: Place) -> None:
        wanted = frozenset({"dags/qu/main.py", "dags/ünï code.txt", "dags/empty.txt", "dags/bytes.bin", "bin/run"})

        files = place.github.archive(place.repository, place.head_sha, wanted, most_bytes=10_000, most_ratio=200)

        assert set(files) == wanted
        assert files["dags/bytes.bin"] == bytes(range(256))
        assert files["dags/ünï code.txt"] == "ü".encode()

    def test_an_archive_above_the_limit_is_refused(self, place: Place) -> None:
        with pytest.raises(UnsafeArchiveError, match="255"):
            place.github.archive(
                place.repository, place.head_sha, frozenset({"dags/bytes.bin"}), most_bytes=255, most_ratio=200
            )

    def test_a_blob_is_its_bytes(self, place: Place) -> None:
        for content in (b"SELECT 1\n", bytes(range(256)), b"", b"qu/main.py"):
            assert place.github.blob(place.repository, git_blob_id(content)) == content

    def test_what_is_not_there_is_refused_for_good(self, place: Place) -> None:
        with pytest.raises(UpstreamError):
            place.github.blob(place.repository, "0" * 40)
        with pytest.raises(UpstreamError):
            place.github.tree(place.repository, "0" * 40, "dags")

    def test_where_a_commit_parted_from_a_branch_is_told(self, place: Place) -> None:
        assert place.github.merge_base(place.repository, "main", place.head_sha) == place.base_sha

    def test_a_commit_never_parted_from_a_branch_that_is_not_there(self, place: Place) -> None:
        assert place.github.merge_base(place.repository, "gone/away", place.head_sha) is None

    def test_what_a_pull_request_changes_is_seen_from_where_it_parted(self, place: Place) -> None:
        assert place.github.changed_paths(place.repository, place.pull_number) == frozenset({*FILES, "README.md"})

    def test_people_may_write_who_may_push(self, place: Place) -> None:
        allowed = {login for login in PEOPLE if place.github.may_write(place.repository, login)}

        assert allowed == {"ada", "mia", "will"}

    def test_nobody_else_may_write(self, place: Place) -> None:
        for login in ("stranger", "", "ada/../will", "ada?", "ada permission", "dependabot[bot]", "ÄDA"):
            assert not place.github.may_write(place.repository, login)

    def test_the_installation_that_has_the_repository_is_told(self, place: Place) -> None:
        assert place.github.installation(place.repository) == place.installation_id

    def test_tree_links_and_archive_together_are_a_checkout(self, place: Place) -> None:
        tree = place.github.tree(place.repository, place.head_sha, "dags")
        links = {one.path: place.github.blob(place.repository, one.sha).decode() for one in kept_links(tree, keeps)}
        plan = plan_checkout(tree, links, keeps, LIMITS)
        archived = place.github.archive(
            place.repository, place.head_sha, plan.wanted(), most_bytes=10_000, most_ratio=200
        )

        assert plan.missing_from(archived) == []
        assert plan.complete(archived)["dags/link.py"] == b"import airflow\n"
