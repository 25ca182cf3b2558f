"""The life of a pull request, from its own repository and from a fork."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from github import (
    Github,
)

from local.github import LocalGitHub, Pull, Repository
from tests.integration.local_github.receiver import Receiver
from tests.integration.local_github.world import get, untarred


def test_a_push_moves_the_head_and_tells_from_where_to_where(double: LocalGitHub, client: Github, pull: Pull) -> None:
    before = pull.head_sha

    after = pull.push({"more.txt": b""}, "More")

    payload = double.deliveries[-1].payload
    assert (payload["before"], payload["after"], payload["pull_request"]["head"]["sha"]) == (before, after, after)
    assert client.get_repo("acme/pipelines").get_pull(1).head.sha == after == pull.head_sha


def test_a_force_push_begins_the_branch_anew(client: Github, repository: Repository, pull: Pull) -> None:
    before = pull.head_sha

    after = pull.force_push({"anew.txt": b""}, "Anew")

    found = client.get_repo("acme/pipelines")
    assert found.get_commit(after).parents[0].sha == repository.branch_sha("main")
    assert found.get_commit(before).sha == before
    assert [file.filename for file in found.get_pull(1).get_files()] == ["anew.txt"]


def test_merging_puts_the_change_on_the_base_branch(client: Github, repository: Repository, pull: Pull) -> None:
    pull.close(merged=True)

    shown = client.get_repo("acme/pipelines").get_pull(1)
    query = client.get_repo("acme/pipelines").get_contents("dags/qu/query.sql")
    assert (shown.state, shown.merged, shown.merge_commit_sha) == ("closed", True, repository.branch_sha("main"))
    assert not isinstance(query, list)
    assert query.decoded_content == b"SELECT 2\n"


def test_drafts_and_labels_are_seen_through_the_api(client: Github, pull: Pull) -> None:
    pull.convert_to_draft()
    pull.label("preview")
    pull.label("urgent")
    pull.unlabel("urgent")

    shown = client.get_repo("acme/pipelines").get_pull(1)
    assert (shown.draft, [one.name for one in shown.labels]) == (True, ["preview"])


def test_a_forks_pull_request_has_another_head_repository(client: Github, repository: Repository) -> None:
    fork = repository.fork("stranger")
    sha = fork.commit("patch", {"dags/theirs.py": b"airflow dag"}, "Theirs")
    repository.open_pull("patch", "Please", head_repository=fork)

    found = client.get_repo("acme/pipelines")
    shown = found.get_pull(1)
    archive = untarred(requests.get(found.get_archive_link("tarball", sha), timeout=10).content)

    assert (shown.head.repo.id, shown.base.repo.id) == (fork.id, repository.id)
    assert (shown.head.repo.full_name, shown.head.repo.fork) == ("stranger/pipelines", True)
    assert f"acme-pipelines-{sha[:7]}/dags/theirs.py" in archive


def test_a_forks_pull_request_follows_the_fork_and_outlives_it(
    double: LocalGitHub, client: Github, repository: Repository
) -> None:
    fork = repository.fork("stranger")
    fork.commit("patch", {"a": b"1"}, "One")
    pull = repository.open_pull("patch", "Please", head_repository=fork)

    sha = fork.commit("patch", {"a": b"2"}, "Two")
    fork.delete()

    shown = get(double, "/repos/acme/pipelines/pulls/1").json()
    assert double.deliveries[-1].action == "synchronize"
    assert (shown["head"]["sha"], shown["head"]["repo"]) == (sha, None)
    with pytest.raises(ValueError, match="gone"):
        pull.push({"a": b"3"}, "Three")


def test_a_deleted_branch_closes_its_pull_request_and_made_anew_it_is_another_one(
    double: LocalGitHub, repository: Repository, pull: Pull
) -> None:
    repository.delete_branch("feature1")
    closed = (pull.state, double.deliveries[-1].action)
    repository.commit("feature1", {"other.txt": b""}, "Something else")

    another = repository.open_pull("feature1", "Something else")

    assert closed == ("closed", "closed")
    assert (another.number, pull.state) == (2, "closed")
    with pytest.raises(ValueError, match="cannot be reopened"):
        pull.reopen()


def test_a_closed_pull_request_does_not_follow_its_branch_until_it_is_reopened(
    double: LocalGitHub, repository: Repository, pull: Pull
) -> None:
    pull.close()
    sha = repository.commit("feature1", {"more.txt": b""}, "More")
    while_closed = pull.head_sha

    pull.reopen()

    assert while_closed != sha
    assert (pull.head_sha, pull.state, double.deliveries[-1].action) == (sha, "open", "reopened")


def test_pull_requests_that_github_refuses_are_refused(repository: Repository, pull: Pull) -> None:
    repository.commit("same", {}, "Begin", start_from="main")
    repository.commit("main", {}, "Catch up", start_from="same")

    with pytest.raises(ValueError, match="already exists"):
        repository.open_pull("feature1", "Again")
    with pytest.raises(ValueError, match="No commits between"):
        repository.open_pull("same", "Nothing new")
    with pytest.raises(ValueError, match="no branch"):
        repository.open_pull("unknown", "Nothing")


def test_pull_requests_opened_at_once_get_numbers_of_their_own(repository: Repository, receiver: Receiver) -> None:
    names = [f"feature{number}" for number in range(4)]
    for name in names:
        repository.commit(name, {f"{name}.txt": b""}, name)

    with ThreadPoolExecutor() as pool:
        pulls = list(pool.map(lambda name: repository.open_pull(name, name), names))

    assert sorted(pull.number for pull in pulls) == [1, 2, 3, 4]
    assert [pull.head_ref for pull in pulls] == names
    assert len(receiver.of("pull_request")) == 4
