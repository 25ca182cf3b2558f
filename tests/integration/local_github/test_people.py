"""Who may do what in a repository, and what a merge queue asks."""

from __future__ import annotations

import pytest
from github import (
    Github,
    GithubException,
)

from local.github import LocalGitHub, Pull, Repository
from tests.integration.local_github.receiver import Receiver


@pytest.mark.parametrize(
    ("role", "told"),
    [("admin", "admin"), ("maintain", "write"), ("write", "write"), ("triage", "read"), ("read", "read")],
)
def test_a_role_is_told_by_the_four_words_that_there_were_before_roles(
    client: Github, repository: Repository, role: str, told: str
) -> None:
    repository.give("lea", role)

    found = client.get_repo("acme/pipelines")

    assert found.get_collaborator_permission("lea") == told
    assert found.get_collaborator_role_name("lea") == role


def test_who_has_no_role_has_none_and_who_is_nobody_is_404(client: Github, repository: Repository, pull: Pull) -> None:
    repository.give("lea", "write")
    repository.take_away("lea")
    pull.comment("stranger", "/dagbranch deploy")
    found = client.get_repo("acme/pipelines")

    assert [found.get_collaborator_permission(one) for one in ("lea", "stranger")] == ["none", "none"]
    assert found.get_collaborator_permission("dana-developer") == "write"
    with pytest.raises(GithubException) as refused:
        found.get_collaborator_permission("nobody")
    assert refused.value.status == 404


def test_only_who_may_push_asks_what_others_may(double: LocalGitHub, client: Github, repository: Repository) -> None:
    double.site.token_owner = "stranger"

    with pytest.raises(GithubException) as refused:
        client.get_repo("acme/pipelines").get_collaborator_permission("dana-developer")

    assert refused.value.data["message"] == "Must have push access to view collaborator permission."


def test_a_merge_group_asks_for_checks_of_a_commit_that_has_all_before_it(
    double: LocalGitHub, client: Github, repository: Repository, pull: Pull
) -> None:
    repository.commit("feature2", {"two.txt": b"2"}, "Two")
    second = repository.open_pull("feature2", "Two")

    group = pull.enqueue()
    behind = second.enqueue(behind=group)

    asked = [one.payload for one in double.deliveries if one.event == "merge_group"]
    found = client.get_repo("acme/pipelines")
    assert [one["merge_group"]["head_sha"] for one in asked] == [group.head_sha, behind.head_sha]
    assert asked[1]["merge_group"]["head_ref"] == f"refs/heads/gh-readonly-queue/main/pr-2-{group.head_sha}"
    assert found.get_commit(behind.head_sha).parents[0].sha == group.head_sha
    assert found.get_commit(group.head_sha).parents[1].sha == pull.head_sha


def test_a_merged_group_is_the_base_branch_and_closes_its_pull_request(
    double: LocalGitHub, app_client: Github, repository: Repository, pull: Pull
) -> None:
    group = pull.enqueue()
    app_client.get_repo("acme/pipelines").create_check_run("dagbranch/preview", group.head_sha, conclusion="success")

    destroyed = group.merge()

    assert group.checks["dagbranch/preview"].outcome == "success"
    assert (pull.state, repository.branch_sha("main")) == ("closed", group.head_sha)
    assert (destroyed.action, destroyed.payload["reason"]) == ("destroyed", "merged")
    with pytest.raises(ValueError, match="no branch"):
        repository.branch_sha(group.record.head_ref.removeprefix("refs/heads/"))


def test_a_group_that_is_thrown_away_leaves_its_pull_request_open(receiver: Receiver, pull: Pull) -> None:
    withheld = pull.enqueue(deliver=False).delivery

    pull.enqueue().destroy("invalidated")

    assert len(receiver.of("merge_group")) == 2
    assert withheld is not None
    assert withheld.sent_at is None
    assert pull.state == "open"
