"""GitHub Apps: what they sign, what their tokens open, and what they may do with them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from github import (
    Auth,
    GithubException,
    GithubIntegration,
)

from local.github import GitHubApp, LocalGitHub, Pull, Repository
from local.github.published_schemas import faults_sent
from tests.integration.local_github.world import FILES, ask, client_of_app, get

PLACE = "/repos/acme/pipelines"


def signed(app: GitHubApp, **claims: Any) -> str:
    now = int(time.time())
    return jwt.encode({"iat": now - 60, "exp": now + 540, "iss": str(app.app_id)} | claims, app.private_key, "RS256")


def token_of(double: LocalGitHub, app: GitHubApp, installation: int, **wanted: Any) -> str:
    answer = ask(double, "POST", f"/app/installations/{installation}/access_tokens", signed(app), json=wanted)
    assert answer.status_code == 201
    token: str = answer.json()["token"]
    return token


@pytest.fixture
def installation(double: LocalGitHub, app: GitHubApp) -> int:
    (number,) = double.site.state.apps.installations
    return number


def test_pygithub_finds_the_installation_and_works_in_it(
    double: LocalGitHub, app: GitHubApp, installation: int, pull: Pull
) -> None:
    auth = Auth.AppAuth(app.app_id, app.private_key)
    with GithubIntegration(auth=auth, base_url=double.url) as integration:
        found = integration.get_repo_installation("acme", "pipelines")
        title = integration.get_github_for_installation(found.id).get_repo("acme/pipelines").get_pull(1).title
        listed = [one.id for one in integration.get_installations()]

    assert (found.id, listed, title) == (installation, [installation], "More")
    assert double.site.exchanges is not None
    assert faults_sent(double.site.exchanges) == []


@pytest.mark.parametrize(
    ("claims", "status", "words"),
    [
        ({"exp": 1}, 401, "'Expiration time' claim ('exp') must be"),
        ({"exp": int(time.time()) + 5000}, 401, "is too far in the future"),
        ({"iat": int(time.time()) + 5000}, 401, "'Issued at' claim ('iat') must be"),
        ({"iss": "1"}, 404, "Integration not found"),
    ],
)
def test_a_token_of_its_own_that_github_would_not_take_is_refused_in_githubs_words(
    double: LocalGitHub, app: GitHubApp, claims: dict[str, Any], status: int, words: str
) -> None:
    answer = get(double, "/app", signed(app, **claims))

    assert answer.status_code == status
    assert words in answer.json()["message"]


def test_an_app_signs_with_any_of_its_keys(double: LocalGitHub, app: GitHubApp) -> None:
    first, second = app.private_key, app.new_key()
    claims = {"iat": int(time.time()) - 60, "exp": int(time.time()) + 540, "iss": str(app.app_id)}

    answers = [get(double, "/app", jwt.encode(claims, key, "RS256")) for key in (first, second)]

    assert first != second
    assert [answer.status_code for answer in answers] == [200, 200]


def test_what_another_key_signed_opens_nothing(double: LocalGitHub, app: GitHubApp) -> None:
    another = double.create_app("acme", slug="another")
    forged = signed(another, iss=str(app.app_id))

    assert get(double, "/app", forged).json()["message"] == "A JSON web token could not be decoded"
    assert get(double, "/app", "a.b.c").status_code == 401
    assert get(double, "/app").status_code == 401


def test_an_app_in_its_own_name_sees_no_repository(double: LocalGitHub, app: GitHubApp) -> None:
    assert get(double, PLACE, signed(app)).status_code == 404
    assert get(double, f"{PLACE}/installation", signed(app)).status_code == 200


def test_an_installation_that_is_anothers_or_nowhere_is_404(double: LocalGitHub, app: GitHubApp) -> None:
    another = double.create_app("acme", slug="another")
    double.create_repository("foreign/secret", FILES)
    (installation,) = double.site.state.apps.installations

    assert get(double, f"/app/installations/{installation}", signed(another)).status_code == 404
    assert get(double, f"{PLACE}/installation", signed(another)).status_code == 404
    assert get(double, "/repos/foreign/secret/installation", signed(app)).status_code == 404


def test_a_token_opens_the_repositories_that_it_was_asked_for_alone(
    double: LocalGitHub, app: GitHubApp, repository: Repository
) -> None:
    other = double.create_repository("acme/other", FILES)
    both = app.install("acme", repository, other)

    narrow = token_of(double, app, both, repositories=["pipelines"])
    by_id = token_of(double, app, both, repository_ids=[other.id])

    assert [get(double, path, narrow).status_code for path in (PLACE, "/repos/acme/other")] == [200, 404]
    assert [get(double, path, by_id).status_code for path in (PLACE, "/repos/acme/other")] == [404, 200]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"repositories": ["other"]}, "There is at least one repository that does not exist or is not accessible"),
        ({"repositories": ["gone"]}, "There is at least one repository that does not exist or is not accessible"),
        ({"permissions": {"administration": "write"}}, "The permissions requested are not granted"),
        ({"permissions": {"contents": "write"}}, "The permissions requested are not granted"),
        ({"repository": "pipelines"}, "is not a permitted key"),
    ],
)
def test_a_token_for_more_than_was_granted_is_refused(
    double: LocalGitHub, app: GitHubApp, installation: int, wanted: dict[str, Any], words: str
) -> None:
    double.create_repository("acme/other", FILES)

    answer = ask(double, "POST", f"/app/installations/{installation}/access_tokens", signed(app), json=wanted)

    assert answer.status_code == 422
    assert words in answer.json()["message"]
    assert app.tokens == []


WRITES: dict[str, tuple[str, Callable[[Any], object]]] = {
    "comment": ("pull_requests", lambda repo: repo.get_pull(1).create_issue_comment("x")),
    "check": ("checks", lambda repo: repo.create_check_run("x", repo.get_branch("feature1").commit.sha)),
    "status": ("statuses", lambda repo: repo.get_commit("feature1").create_status("success")),
    "deployment": (
        "deployments",
        lambda repo: repo.create_deployment("feature1", auto_merge=False, required_contexts=[]),
    ),
}


@pytest.mark.parametrize("kind", WRITES)
def test_a_token_without_the_permission_is_refused_and_with_it_is_not(
    double: LocalGitHub, app: GitHubApp, pull: Pull, kind: str
) -> None:
    permission, act = WRITES[kind]
    reading = {"contents": "read", "pull_requests": "read", permission: "read"}

    with client_of_app(double, app, reading) as reader, pytest.raises(GithubException) as refused:
        act(reader.get_repo("acme/pipelines"))
    with client_of_app(double, app, reading | {permission: "write"}) as writer:
        act(writer.get_repo("acme/pipelines"))

    assert (refused.value.status, refused.value.data["message"]) == (403, "Resource not accessible by integration")
    assert permission in str((refused.value.headers or {}).get("x-accepted-github-permissions"))


def test_what_a_token_may_not_read_is_refused(double: LocalGitHub, app: GitHubApp, installation: int) -> None:
    token = token_of(double, app, installation, permissions={"metadata": "read"})

    assert get(double, PLACE, token).status_code == 200
    assert get(double, f"{PLACE}/contents", token).status_code == 403
    assert get(double, f"{PLACE}/pulls", token).status_code == 403


def test_a_token_opens_nothing_when_it_expired_or_its_installation_went(
    double: LocalGitHub, app: GitHubApp, installation: int
) -> None:
    lasting = token_of(double, app, installation)
    double.site.state.apps.token_lifetime_seconds = 0.0
    expired = token_of(double, app, installation)
    before = get(double, PLACE, lasting).status_code

    app.suspend(installation)

    assert before == 200
    assert [get(double, PLACE, token).status_code for token in (lasting, expired)] == [401, 401]
    assert ask(double, "POST", f"/app/installations/{installation}/access_tokens", signed(app)).status_code == 403
    app.uninstall(installation)
    assert get(double, f"{PLACE}/installation", signed(app)).status_code == 404


def test_no_token_and_no_key_is_in_the_log(double: LocalGitHub, app: GitHubApp, installation: int) -> None:
    own = signed(app)
    token = ask(double, "POST", f"/app/installations/{installation}/access_tokens", own).json()["token"]
    get(double, PLACE, token)

    log = double.log.read_text()

    assert "access_tokens → 201" in log
    assert token not in log
    assert own not in log
    assert token not in repr(app.tokens)
