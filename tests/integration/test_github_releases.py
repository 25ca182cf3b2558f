"""What the release lanes ask of GitHub: the real adapter at the double, by an App with no more than these rights."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagbranch.adapters.github_releases import PyGithubReleases
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.errors import TransientUpstreamError, UpstreamError
from local.github import Deployment, GitHubApp, LocalGitHub, Repository
from local.github.published_schemas import faults_answered, faults_sent
from local.github.rest.exchanges import Exchange
from tests.fakes.contracts.github_releases import Maker, ReleasesAtGitHubContract

TOKEN = "made-up-token"
REPOSITORY = "acme/pipelines"


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalGitHub]:
    """Whatever is asked of it and answered has to be valid by GitHub's published schemas."""
    with LocalGitHub(tmp_path / "github", webhook_secret="made-up", token=TOKEN) as running:
        exchanges: list[Exchange] = []
        running.site.exchanges = exchanges
        yield running
        assert faults_sent(exchanges) == []
        assert faults_answered(exchanges) == []


@pytest.fixture
def repository(local: LocalGitHub) -> Repository:
    made = local.create_repository(REPOSITORY, {"README.md": b"pipelines"})
    made.give("alice", "write")
    return made


@pytest.fixture
def app(local: LocalGitHub, repository: Repository) -> GitHubApp:
    app = local.create_app("acme")
    app.install("acme", repository)
    return app


@pytest.fixture
def github(local: LocalGitHub, app: GitHubApp) -> PyGithubReleases:
    return PyGithubReleases(local.url, json.dumps({"app_id": app.app_id, "private_key": app.private_key}))


class ReleasePlace:
    """The double, as the contract asks."""

    repository = REPOSITORY

    def __init__(self, github: PyGithubReleases, hosted: Repository, app_id: int) -> None:
        self.github = github
        self.repository_id = hosted.id
        self.app_id = app_id
        self._hosted = hosted
        self._made: dict[int, Deployment] = {}
        self._serial = itertools.count()

    def push(self, branch: str = "main") -> str:
        return self._hosted.commit(branch, {f"{next(self._serial)}.txt": b""}, "More")

    def deploy(self, environment: str, head_sha: str, maker: Maker = "alice", payload: Any = None) -> int:
        by: dict[Maker, str] = {"alice": "alice", "workflow": "github-actions[bot]", "our app": "dagbranch[bot]"}
        asked = "" if payload is None else payload  # GitHub takes no null, and answers with an empty text
        made = self._hosted.deploy(head_sha, environment, by=by[maker], payload=asked)
        self._made[made.id] = made
        return made.id

    def tell(self, deployment_id: int, state: str) -> None:
        self._made[deployment_id].say(state)

    def check(self, head_sha: str, name: str, conclusion: str | None) -> None:
        self._hosted.set_check(head_sha, name, conclusion)

    def status(self, head_sha: str, context: str, state: str) -> None:
        self._hosted.set_status(head_sha, context, state)


class TestPyGithubReleases(ReleasesAtGitHubContract):
    """By an App, with a token that has no more than the rights to read releases."""

    @pytest.fixture
    def place(self, github: PyGithubReleases, repository: Repository, app: GitHubApp) -> ReleasePlace:
        return ReleasePlace(github, repository, app.app_id)


def asked(github: PyGithubReleases, deployment: Deployment) -> AskedDeployment:
    found = github.deployment(REPOSITORY, deployment.id)
    assert found is not None
    return found


# Who speaks


@pytest.mark.parametrize("by_client_id", [False, True])
def test_our_own_app_is_known_by_its_number(local: LocalGitHub, app: GitHubApp, *, by_client_id: bool) -> None:
    client_id = local.site.state.apps.registered[app.app_id].client_id
    secret = {"app_id": client_id if by_client_id else app.app_id, "private_key": app.private_key}

    assert PyGithubReleases(local.url, json.dumps(secret)).app_id() == app.app_id
    assert bool(local.site.exchanges) == by_client_id  # one that is known is not asked for


def test_a_token_is_no_app(local: LocalGitHub) -> None:
    assert PyGithubReleases(local.url, TOKEN).app_id() is None


def test_no_token_can_do_more_than_read(github: PyGithubReleases, repository: Repository, app: GitHubApp) -> None:
    github.newest_deployment(REPOSITORY, "prod")
    github.commit_checks(REPOSITORY, repository.branch_sha("main"))

    (token,) = app.tokens
    assert set(token.permissions.values()) == {"read"}
    assert token.repository_ids == frozenset({repository.id})


def test_a_right_that_was_not_granted_is_told_and_no_check_is_taken_for_missing(
    local: LocalGitHub, repository: Repository
) -> None:
    app = local.create_app("acme")
    app.install("acme", repository, permissions={"metadata": "read", "contents": "read", "statuses": "read"})
    github = PyGithubReleases(local.url, json.dumps({"app_id": app.app_id, "private_key": app.private_key}))

    with pytest.raises(UpstreamError, match=r"403 Resource not accessible .*checks=read"):
        github.commit_checks(REPOSITORY, repository.branch_sha("main"))


# Branches


@pytest.mark.parametrize("branch", ["release/2026", "100%25#1", "ünï+1&a=b"])
def test_a_default_branch_of_any_name_is_found(local: LocalGitHub, github: PyGithubReleases, branch: str) -> None:
    made = local.create_repository("acme/other", {"a": b""}, default_branch=branch)
    token = PyGithubReleases(local.url, TOKEN)

    found = token.default_branch("acme/other")

    assert found is not None
    assert (found.name, found.head_sha) == (branch, made.branch_sha(branch))
    assert token.is_on_branch("acme/other", branch, found.head_sha)
    assert github.default_branch("acme/other") is None  # the App is not installed there


def test_a_tag_with_the_branchs_name_brings_no_commit_onto_it(
    github: PyGithubReleases, local: LocalGitHub, repository: Repository
) -> None:
    aside = repository.commit("feature1", {"a": b"1"}, "Not merged")
    local.site.state.repositories[repository.id].git.set_ref("refs/tags/main", aside)

    assert not github.is_on_branch(REPOSITORY, "main", aside)


def test_what_was_forced_off_the_branch_is_not_on_it_and_what_was_merged_is(
    github: PyGithubReleases, repository: Repository
) -> None:
    start = repository.branch_sha("main")
    merged = repository.commit("feature1", {"a": b"1"}, "A feature")
    repository.open_pull("feature1", "A feature").close(merged=True)
    forced = repository.commit("main", {"b": b"1"}, "Soon forgotten")
    repository.commit("main", {"c": b"1"}, "Instead", start_from=merged)

    on_main = {sha: github.is_on_branch(REPOSITORY, "main", sha) for sha in (start, merged, forced)}

    assert on_main == {start: True, merged: True, forced: False}


# Deployments


def test_a_job_in_an_environment_has_begun_when_its_reviewer_let_it(
    github: PyGithubReleases, repository: Repository
) -> None:
    made = repository.workflow_deployment("main", "prod", by="alice")
    waiting = asked(github, made)
    made.approve()
    begun = asked(github, made)

    assert (waiting.is_of_a_workflow, waiting.status, waiting.has_begun) == (True, "waiting", False)
    assert (begun.is_of_a_workflow, begun.status, begun.has_begun) == (True, "in_progress", True)
    assert begun.creator == "alice"


def test_a_job_that_has_run_leaves_what_it_asked_for_to_be_done(
    github: PyGithubReleases, repository: Repository
) -> None:
    quick = repository.workflow_deployment("main", "prod", is_protected=False)
    quick.finish()
    failed = repository.workflow_deployment("main", "prod", is_protected=False)
    failed.finish(succeeded=False)
    by_hand = repository.deploy("main", "prod", by="alice")
    by_hand.say("success", auto_inactive=False)

    assert [asked(github, one).status for one in (quick, failed, by_hand)] == ["in_progress", "failure", "success"]


@pytest.mark.parametrize("by", ["alice", "github-actions[bot]", "dagbranch[bot]"])
def test_nobody_but_the_job_itself_can_say_that_it_has_begun(
    github: PyGithubReleases, local: LocalGitHub, repository: Repository, by: str
) -> None:
    made = repository.workflow_deployment("main", "prod")

    made.say("in_progress", by=by)

    found = asked(github, made)
    assert (found.status, found.is_of_a_workflow, found.has_begun) == ("in_progress", True, False)


def test_what_waits_is_a_workflows_whatever_else_is_told_of_it(
    github: PyGithubReleases, local: LocalGitHub, repository: Repository
) -> None:
    made = repository.deploy("main", "prod", by="alice")
    made.say("waiting")

    assert asked(github, made).is_of_a_workflow


def test_a_status_moves_no_deployment_into_another_lane(github: PyGithubReleases, repository: Repository) -> None:
    meant = repository.deploy("main", "prod", by="alice")
    moved = repository.deploy("main", "playground", by="alice")
    moved.say("in_progress", environment="prod")

    newest = github.newest_deployment(REPOSITORY, "prod")

    assert newest is not None
    assert newest.id == meant.id
    assert asked(github, moved).environment == "playground"


def test_the_newest_of_hundreds_is_found(github: PyGithubReleases, repository: Repository) -> None:
    for number in range(130):
        repository.deploy("main", "prod" if number % 2 else "stage", by="alice")
    newest = repository.deploy("main", "prod", by="alice")
    repository.deploy("main", "stage", by="alice")

    found = github.newest_deployment(REPOSITORY, "prod")

    assert found is not None
    assert found.id == newest.id


def test_a_deployment_of_another_repository_is_not_told(
    local: LocalGitHub, github: PyGithubReleases, repository: Repository
) -> None:
    other = local.create_repository("acme/other", {"a": b""}).deploy("main", "prod")

    assert github.deployment(REPOSITORY, other.id) is None
    assert github.deployment("acme/other", other.id) is None


def test_the_name_is_githubs_own(github: PyGithubReleases, repository: Repository) -> None:
    made = repository.deploy("main", "prod", by="alice")

    found = github.deployment("Acme/Pipelines", made.id)

    assert found is not None
    assert (found.repository, found.repository_id) == (REPOSITORY, repository.id)


# Checks


def test_every_page_of_checks_and_statuses_is_read(github: PyGithubReleases, repository: Repository) -> None:
    sha = repository.branch_sha("main")
    for number in range(230):
        repository.set_check(sha, f"check {number}", "success")
        repository.set_status(sha, f"status {number}", "success")
    repository.set_check(sha, "check 0", "failure")

    found = github.commit_checks(REPOSITORY, sha)

    assert len(found) == 460
    assert [name for name, outcome in found.items() if outcome != "passed"] == ["check 0"]


def test_a_red_check_stays_red_whoever_else_gives_its_name_to_a_green_one(
    github: PyGithubReleases, local: LocalGitHub, repository: Repository, app: GitHubApp
) -> None:
    sha = repository.branch_sha("main")
    repository.set_check(sha, "unit", "failure")
    repository.set_status(sha, "unit", "success")
    repository.set_check(sha, "unit", "success", by_app=app.app_id)
    repository.set_status(sha, "lint", "pending")
    repository.set_check(sha, "lint", "success")

    assert github.commit_checks(REPOSITORY, sha) == {"unit": "failed", "lint": "pending"}


def test_when_github_is_down_it_is_asked_again(
    github: PyGithubReleases, local: LocalGitHub, repository: Repository
) -> None:
    local.site.outage_status = 502

    for ask in (
        lambda: github.default_branch(REPOSITORY),
        lambda: github.newest_deployment(REPOSITORY, "prod"),
        lambda: github.commit_checks(REPOSITORY, "0" * 40),
    ):
        with pytest.raises(TransientUpstreamError):
            ask()


def test_what_the_schedule_asks_of_one_repository_is_six_requests(
    local: LocalGitHub, github: PyGithubReleases, repository: Repository
) -> None:
    head_sha = repository.branch_sha("main")
    for lane in ("stage", "prod"):
        repository.deploy(head_sha, lane, by="alice")
    github.commit_checks(REPOSITORY, head_sha)  # it has a token
    before = len(local.site.exchanges or [])

    github.default_branch(REPOSITORY)
    for lane in ("stage", "prod"):
        github.newest_deployment(REPOSITORY, lane)

    assert len(local.site.exchanges or []) - before == 6
