"""Repositories and pull requests as the unmodified PyGithub finds them."""

from __future__ import annotations

from github import (
    Github,
)

from local.github import Pull, Repository


def test_repositories_are_found_by_name_in_any_case_and_by_id(client: Github, repository: Repository) -> None:
    assert client.get_repo("Acme/Pipelines").id == repository.id
    assert client.get_repo(repository.id).full_name == "acme/pipelines"


def test_pull_requests_come_in_pages_newest_first(client: Github, repository: Repository) -> None:
    for number in range(1, 6):
        repository.commit(f"branch{number}", {"n": str(number).encode()}, "Count")
        repository.open_pull(f"branch{number}", f"Number {number}", deliver=False)
    client.per_page = 2

    listed = client.get_repo("acme/pipelines").get_pulls()

    assert [pull.number for pull in listed] == [5, 4, 3, 2, 1]
    assert listed.totalCount == 5
    assert [pull.number for pull in listed.reversed] == [1, 2, 3, 4, 5]


def test_pull_requests_are_filtered_by_state_head_and_base(client: Github, repository: Repository, pull: Pull) -> None:
    repository.commit("release", {"release.txt": b"1"}, "Release")
    repository.commit("feature2", {"two.txt": b"2"}, "Two")
    onto_release = repository.open_pull("feature2", "Two", base="release")
    onto_release.close()
    listed = client.get_repo("acme/pipelines").get_pulls

    assert [one.number for one in listed()] == [pull.number]
    assert [one.number for one in listed(state="closed")] == [onto_release.number]
    assert [one.number for one in listed(state="all", base="release")] == [onto_release.number]
    assert [one.number for one in listed(state="all", head="acme:feature1")] == [pull.number]


def test_changed_files_are_told_with_renames_and_line_counts(client: Github, repository: Repository) -> None:
    changes = {"dags/qu/main.py": None, "dags/qu/renamed.py": b"import airflow\n", "version.txt": b"1\n2\n"}
    repository.commit("feature1", changes, "Rename")
    repository.open_pull("feature1", "Rename")

    pull = client.get_repo("acme/pipelines").get_pull(1)
    files = {file.filename: file for file in pull.get_files()}

    assert files["dags/qu/renamed.py"].status == "renamed"
    assert files["dags/qu/renamed.py"].previous_filename == "dags/qu/main.py"
    assert (files["version.txt"].additions, files["version.txt"].deletions) == (2, 1)
    assert (pull.commits, pull.changed_files, pull.additions, pull.deletions, pull.mergeable) == (1, 2, 2, 1, True)


def test_a_conflict_with_the_base_is_not_mergeable(client: Github, repository: Repository, pull: Pull) -> None:
    repository.commit("main", {"dags/qu/query.sql": b"SELECT 3\n"}, "Ask for something else")
    pull.push({"more.txt": b""}, "Look at the base again")

    assert client.get_repo("acme/pipelines").get_pull(1).mergeable is False
