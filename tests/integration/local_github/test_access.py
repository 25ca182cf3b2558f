"""Who may ask, how often, and what is answered for what is not there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from github import (
    BadCredentialsException,
    Github,
    GithubException,
    RateLimitExceededException,
    UnknownObjectException,
)
from githubkit_schemas.latest import models

from local.github import LocalGitHub, Pull, Repository
from tests.integration.local_github.world import FILES, SECRET, TOKEN, client_of, get


def test_the_rate_limit_is_valid_by_githubs_schema_and_told_in_every_answer(
    double: LocalGitHub, repository: Repository
) -> None:
    first, second = (int(get(double, "/repos/acme/pipelines").headers["X-RateLimit-Remaining"]) for _ in range(2))
    overview = models.RateLimitOverview.model_validate_json(get(double, "/rate_limit").content)

    assert (first, second) == (4999, 4998)
    assert (overview.resources.core.used, overview.resources.core.remaining) == (2, 4998)


def test_a_spent_rate_limit_is_what_pygithub_knows_it_for(
    double: LocalGitHub, repository: Repository, client: Github
) -> None:
    double.site.rate_limit.set(1)
    client.get_repo("acme/pipelines")

    with pytest.raises(RateLimitExceededException):
        client.get_repo("acme/pipelines")


def test_a_wrong_token_is_told_as_github_tells_it(double: LocalGitHub, repository: Repository) -> None:
    with client_of(double, "another") as client, pytest.raises(BadCredentialsException):
        client.get_repo("acme/pipelines")

    assert get(double, "/repos/acme/pipelines", "another").json()["message"] == "Bad credentials"


def test_private_repositories_are_not_there_for_those_who_may_not_see_them(
    double: LocalGitHub, client: Github, repository: Repository
) -> None:
    double.create_repository("foreign/secret", {"a": b""}, granted=False)

    assert get(double, "/repos/acme/pipelines", token=None).status_code == 404
    for full_name in ("foreign/secret", "acme/unknown"):
        with pytest.raises(UnknownObjectException):
            client.get_repo(full_name)


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda found: found.get_branch("gone"), 404),
        (lambda found: found.get_pull(99), 404),
        (lambda found: found.get_commit("gone"), 422),
        (lambda found: found.get_commit("main~1"), 422),
        (lambda found: found.get_git_tree("gone"), 404),
        (lambda found: found.get_git_blob("0" * 40), 404),
        (lambda found: found.get_contents("gone"), 404),
        (lambda found: found.get_archive_link("tarball", "gone"), 404),
        (lambda found: found.create_issue("read only"), 404),
    ],
)
def test_what_is_not_there_is_refused_with_githubs_status(
    client: Github, repository: Repository, ask: Callable[[Any], object], status: int
) -> None:
    found = client.get_repo("acme/pipelines")

    with pytest.raises(GithubException) as refused:
        ask(found)

    assert refused.value.status == status


def test_an_outage_fails_every_request_until_it_is_over(
    double: LocalGitHub, client: Github, repository: Repository
) -> None:
    double.site.outage_status = 503
    with pytest.raises(GithubException) as refused:
        client.get_repo("acme/pipelines")
    double.site.outage_status = None

    assert refused.value.status == 503
    assert client.get_repo("acme/pipelines").id == repository.id


def test_it_answers_under_the_prefix_of_github_enterprise_server(tmp_path: Path) -> None:
    with LocalGitHub(tmp_path, webhook_secret=SECRET, token=TOKEN, api_prefix="/api/v3") as double:
        double.create_repository("acme/pipelines", FILES)
        with client_of(double) as client:
            found = client.get_repo("acme/pipelines")
            archive = requests.get(found.get_archive_link("tarball", "main"), timeout=10)
        outside = requests.get(double.url.removesuffix("/api/v3") + "/repos/acme/pipelines", timeout=10)

    assert found.url.startswith(double.url)
    assert (archive.status_code, outside.status_code) == (200, 404)


def test_nothing_is_left_running_after_stop(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    double = LocalGitHub(tmp_path, webhook_secret=SECRET, token=TOKEN)
    double.start()
    with requests.Session() as session:
        session.get(f"{double.url}/rate_limit", timeout=10)

        double.stop()

        with pytest.raises(requests.ConnectionError):
            session.get(f"{double.url}/rate_limit", timeout=10)
    assert set(threading.enumerate()) == before


def test_the_log_tells_each_answer_and_each_delivery_but_no_secret(
    double: LocalGitHub, client: Github, pull: Pull
) -> None:
    link = client.get_repo("acme/pipelines").get_archive_link("tarball", "main")
    requests.get(link, timeout=10)

    log = double.log.read_text()

    assert f"webhook pull_request opened {double.deliveries[-1].id} → 202" in log
    assert "GET /repos/acme/pipelines/tarball/main → 302" in log
    assert not {SECRET, TOKEN, link.partition("token=")[2]} & set(log.replace("=", " ").split())
