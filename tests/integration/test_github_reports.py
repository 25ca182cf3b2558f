"""What dagbranch writes to GitHub, at the double: by an App, by a person's token, and where answers are lost."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import pytest
import urllib3

from dagbranch.adapters.github_reports import PyGithubReports
from dagbranch.domain.problems import Problem
from dagbranch.domain.reports import CheckState, DeploymentState, Reaction, ReleaseState, ReleaseStatus
from dagbranch.errors import TransientUpstreamError, UpstreamError
from local.github import GitHubApp, LocalGitHub, Pull
from local.github.feedback import CheckRecord, Feedback
from local.github.published_schemas import faults_answered, faults_sent
from local.github.rest.exchanges import Exchange
from tests.fakes.contracts.github_reports import OURS, GitHubReportsContract, a_check, a_deployment, put_comment

TOKEN = "made-up-token"
REPOSITORY = "acme/pipelines"
PERSON = "rita"
CHECK = "dagbranch/preview"


@dataclass
class ToldAtDouble:
    """What people see at the double, as the contract asks."""

    pull: Pull
    feedback: Feedback
    pull_number: int
    head_sha: str
    repository: str = REPOSITORY

    def comments(self) -> Sequence[tuple[int, str]]:
        return [(one.id, one.body) for one in self.pull.comments]

    def write_comment(self, text: str) -> int:
        return self.pull.comment(PERSON, text).id

    def delete_comment(self, comment_id: int) -> None:
        del self.feedback.comments[comment_id]

    def check(self) -> tuple[CheckState, str] | None:
        found = self.pull.checks().get(CHECK)
        return (cast("CheckState", found.outcome), found.title or "") if found else None

    def annotations(self) -> Sequence[Problem]:
        found = self.pull.checks()[CHECK].annotations
        return [Problem(one.path, one.start_line, one.message) for one in found]

    def deployment_states(self, deployment_id: int) -> Sequence[DeploymentState]:
        return [cast("DeploymentState", one.state) for one in reversed(self.feedback.history_of(deployment_id))]

    def release_states(self, deployment_id: int) -> Sequence[ReleaseState]:
        return [cast("ReleaseState", one.state) for one in reversed(self.feedback.history_of(deployment_id))]

    def delete_release(self, deployment_id: int) -> None:
        del self.feedback.deployments[deployment_id]

    def reactions(self, comment_id: int) -> Sequence[Reaction]:
        return [cast("Reaction", one.content) for one in self.feedback.reactions_to(comment_id)]

    def checks(self) -> list[CheckRecord]:
        """Every run that was ever made, the oldest first."""
        return list(self.feedback.checks.values())


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
def told(local: LocalGitHub) -> ToldAtDouble:
    repository = local.create_repository(REPOSITORY, {"README.md": b"pipelines"})
    repository.commit("feature1", {"dags/a.py": b"import airflow"}, "A DAG")
    pull = repository.open_pull("feature1", "A pull request")
    hosted = local.site.state.named(REPOSITORY)
    assert hosted is not None
    return ToldAtDouble(pull, hosted.feedback, pull.number, pull.head_sha)


@pytest.fixture
def app(local: LocalGitHub, told: ToldAtDouble) -> GitHubApp:
    app = local.create_app("acme")
    app.install("acme")
    return app


@pytest.fixture
def reports(local: LocalGitHub, app: GitHubApp) -> PyGithubReports:
    return PyGithubReports(local.url, secret_of(app))


def secret_of(app: GitHubApp) -> str:
    return json.dumps({"app_id": app.app_id, "private_key": app.private_key})


class TestPyGithubReports(GitHubReportsContract):
    """By an App, with a token that has no more than the rights that reports need."""


# Comments


def test_by_a_token_too_only_our_own_comment_is_taken_for_ours(local: LocalGitHub, told: ToldAtDouble) -> None:
    copied = told.write_comment(f"{OURS}\nnot by dagbranch")
    ours = put_comment(PyGithubReports(local.url, TOKEN), told, "one", None)

    again = put_comment(PyGithubReports(local.url, TOKEN), told, "two", None)

    assert again == ours
    assert told.comments() == [(copied, f"{OURS}\nnot by dagbranch"), (ours, f"{OURS}\ntwo")]


def test_each_lane_has_a_comment_of_its_own(reports: PyGithubReports, told: ToldAtDouble) -> None:
    preview = reports.put_comment(REPOSITORY, told.pull_number, "<!-- dagbranch preview -->\na", None)
    other = reports.put_comment(REPOSITORY, told.pull_number, "<!-- dagbranch preview2 -->\nb", None)

    assert preview != other
    assert reports.put_comment(REPOSITORY, told.pull_number, "<!-- dagbranch preview2 -->\nc", None) == other


def test_our_comment_is_found_among_hundreds(reports: PyGithubReports, told: ToldAtDouble) -> None:
    ours = put_comment(reports, told, "one", None)
    for number in range(220):
        told.write_comment(f"comment {number}")

    assert put_comment(reports, told, "two", None) == ours


# Checks


def test_more_annotations_than_one_request_takes_come_in_several(reports: PyGithubReports, told: ToldAtDouble) -> None:
    problems = tuple(Problem("dags/a.py", line, f"fault {line}") for line in range(1, 121))
    failed = replace(a_check(told, "failure", "120 faults"), annotations=problems, summary="# Faults")
    under_way = reports.put_check(REPOSITORY, a_check(told, "in_progress", "on its way"), None)

    ended = reports.put_check(REPOSITORY, failed, under_way)

    assert ended == under_way
    assert list(told.annotations()) == list(problems)
    assert (told.check(), len(told.checks())) == (("failure", "120 faults"), 1)


def test_what_has_ended_stays_and_a_new_run_says_the_rest(reports: PyGithubReports, told: ToldAtDouble) -> None:
    failed = replace(a_check(told, "failure", "1 fault"), annotations=(Problem("dags/a.py", 3, "no"),))
    first = reports.put_check(REPOSITORY, failed, None)

    same = reports.put_check(REPOSITORY, failed, first)
    other = reports.put_check(REPOSITORY, replace(failed, title="still 1 fault"), first)
    anew = reports.put_check(REPOSITORY, a_check(told, "in_progress", "on its way"), other)

    assert len({first, other, anew}) == 3
    assert same == first
    assert [(one.outcome, one.title, len(one.annotations)) for one in told.checks()] == [
        ("failure", "1 fault", 1),
        ("failure", "still 1 fault", 1),
        ("in_progress", "on its way", 0),
    ]


def test_a_check_that_is_known_by_no_id_is_found_by_its_name_and_commit(
    reports: PyGithubReports, told: ToldAtDouble
) -> None:
    made = reports.put_check(REPOSITORY, a_check(told, "queued", "place 2"), None)

    found = reports.put_check(REPOSITORY, a_check(told, "in_progress", "on its way"), None)
    other = reports.put_check(REPOSITORY, replace(a_check(told, "queued", "place 2"), name="dagbranch/stage"), made)

    assert found == made != other
    assert told.check() == ("in_progress", "on its way")


def test_texts_longer_than_github_takes_are_cut(reports: PyGithubReports, told: ToldAtDouble) -> None:
    long = replace(
        a_check(told, "failure", "t" * 300),
        summary="ü" * 70_000,
        annotations=(Problem("dags/a.py", None, "ü" * 70_000),),
    )

    reports.put_check(REPOSITORY, long, None)
    reports.put_deployment(REPOSITORY, replace(a_deployment(told, "failure"), description="d" * 141), None)

    (run,) = told.checks()
    assert (len(run.title or ""), len(run.summary or "")) == (255, 65_535)
    assert [one.description[-3:] for one in told.pull.deployments] == ["dd…"]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("queued", "pending"),
        ("in_progress", "pending"),
        ("success", "success"),
        ("failure", "failure"),
        ("neutral", "success"),
    ],
)
def test_a_persons_token_reports_by_commit_statuses(
    local: LocalGitHub, told: ToldAtDouble, state: CheckState, shown: str
) -> None:
    check = replace(a_check(told, state, "w" * 150), url="https://airflow.example/dags")

    made = PyGithubReports(local.url, TOKEN).put_check(REPOSITORY, check, None)

    status = told.pull.statuses()[CHECK]
    assert made is None
    assert (status.state, status.target_url) == (shown, "https://airflow.example/dags")
    assert status.description == "w" * 139 + "…"
    assert told.checks() == []


def test_an_app_that_was_not_granted_checks_reports_by_commit_statuses(local: LocalGitHub, told: ToldAtDouble) -> None:
    app = local.create_app("acme")
    app.install("acme", permissions={"metadata": "read", "statuses": "write"})

    made = PyGithubReports(local.url, secret_of(app)).put_check(REPOSITORY, a_check(told, "success", "3 DAGs"), 7)

    assert made is None
    assert told.pull.statuses()[CHECK].state == "success"


def test_what_may_be_told_in_no_way_says_which_right_is_missing(local: LocalGitHub, told: ToldAtDouble) -> None:
    app = local.create_app("acme")
    app.install("acme", permissions={"metadata": "read", "pull_requests": "read"})
    reports = PyGithubReports(local.url, secret_of(app))

    calls: dict[str, Callable[[], object]] = {
        "statuses=write": lambda: reports.put_check(REPOSITORY, a_check(told, "success", "3 DAGs"), None),
        "deployments=read": lambda: reports.put_deployment(REPOSITORY, a_deployment(told, "success"), None),
        "pull_requests=write": lambda: put_comment(reports, told, "one", None),
    }
    for right, call in calls.items():
        with pytest.raises(UpstreamError, match=f"403 Resource not accessible .*{right}") as error:
            call()
        assert not isinstance(error.value, TransientUpstreamError)


# Deployments


def test_a_deployment_is_made_as_a_preview_of_the_lane(reports: PyGithubReports, told: ToldAtDouble) -> None:
    ready = replace(a_deployment(told, "success"), url="https://airflow.example/dags?tags=feature1")

    reports.put_deployment(REPOSITORY, ready, None)

    (shown,) = told.pull.deployments
    assert (shown.environment, shown.sha, shown.state) == ("dagbranch/preview", told.head_sha, "success")
    assert shown.url == shown.history[0].log_url == "https://airflow.example/dags?tags=feature1"
    assert shown.record.transient_environment
    assert not shown.record.production_environment
    assert shown.record.payload == {"dagbranch": "preview", "pull_number": told.pull_number}


def test_the_deployments_of_other_pull_requests_stay_as_they_are(reports: PyGithubReports, told: ToldAtDouble) -> None:
    main = replace(a_deployment(told, "success"), head_sha=told.pull.record.base_sha)
    other = reports.put_deployment(REPOSITORY, main, None)

    ours = reports.put_deployment(REPOSITORY, a_deployment(told, "success"), None)

    assert other != ours
    assert told.deployment_states(other) == ["success"]


def test_a_deployment_that_was_deleted_is_made_anew(reports: PyGithubReports, told: ToldAtDouble) -> None:
    first = reports.put_deployment(REPOSITORY, a_deployment(told, "in_progress"), None)
    del told.feedback.deployments[first]

    second = reports.put_deployment(REPOSITORY, a_deployment(told, "success"), first)

    assert told.deployment_states(second) == ["success"]


def test_a_release_is_made_of_the_commit_as_it_is_whatever_its_checks_say(
    local: LocalGitHub, reports: PyGithubReports, told: ToldAtDouble, app: GitHubApp
) -> None:
    told.pull.close(merged=True)
    repository = local.site.state.named(REPOSITORY)
    assert repository is not None
    reports.put_check(REPOSITORY, a_check(told, "failure", "1 fault"), None)

    number = reports.make_release(REPOSITORY, "prod", told.head_sha, "d" * 200)

    record = repository.feedback.deployments[number]
    assert (record.sha, record.environment, record.creator.login) == (told.head_sha, "prod", app.login)
    assert (record.transient_environment, len(record.description or "")) == (False, 140)


def test_a_status_of_somebody_elses_release_is_cut_and_leaves_the_others_as_they_are(
    local: LocalGitHub, reports: PyGithubReports, told: ToldAtDouble
) -> None:
    before, ours = (reports.make_release(REPOSITORY, "prod", told.head_sha, "") for _ in range(2))
    reports.put_release_status(REPOSITORY, ReleaseStatus(before, "prod", "success", "stands"))

    url = "https://airflow.example/dags"
    for _ in range(2):
        reports.put_release_status(REPOSITORY, ReleaseStatus(ours, "prod", "success", "d" * 200, url))

    (status,) = told.feedback.history_of(ours)
    assert (len(status.description), status.environment_url, status.log_url) == (140, url, url)
    assert told.release_states(before) == ["success"]


# Answers that are lost, and limits


class Relay(ThreadingHTTPServer):
    """Passes everything on; loses the answers of the next ``lost`` writes, or refuses the next ones with a limit."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Relayed)
        self.upstream = upstream
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.http = urllib3.PoolManager()
        self.lost = 0
        self.lost_by_status: int | None = None  # else the connection ends
        self.limits: list[dict[str, str]] = []
        self.writes: list[str] = []


class _Relayed(BaseHTTPRequestHandler):
    server: Relay
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        is_write = self.command != "GET" and not self.path.endswith("/access_tokens")
        if is_write:
            self.server.writes.append(f"{self.command} {self.path}")
        if is_write and self.server.limits:
            self._answer(403, b'{"message": "You have exceeded a secondary rate limit."}', self.server.limits.pop(0))
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        answer = self.server.http.request(self.command, self.server.upstream + self.path, body=body, headers=headers)
        if is_write and self.server.lost:
            self.server.lost -= 1
            if self.server.lost_by_status is None:
                self.close_connection = True
                return
            self._answer(self.server.lost_by_status, b'{"message": "Server Error"}', {})
            return
        self._answer(answer.status, answer.data, {})

    do_POST = do_PATCH = do_GET  # noqa: N815 # the names that http.server looks for

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
        pass


@pytest.fixture
def relay(local: LocalGitHub) -> Iterator[Relay]:
    with Relay(local.url) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        server.http.clear()


@pytest.mark.parametrize("by_status", [None, 502])
@pytest.mark.parametrize("at", range(6))
def test_what_github_took_although_the_answer_was_lost_is_never_there_twice(
    relay: Relay, app: GitHubApp, told: ToldAtDouble, by_status: int | None, at: int
) -> None:
    reports = PyGithubReports(relay.url, secret_of(app))
    problems = tuple(Problem("dags/a.py", line, f"fault {line}") for line in range(1, 61))
    failed = replace(a_check(told, "failure", "60 faults"), annotations=problems)
    calls: list[Callable[[], object]] = [
        lambda: put_comment(reports, told, "one", None),
        lambda: reports.put_check(REPOSITORY, a_check(told, "in_progress", "on its way"), None),
        lambda: reports.put_check(REPOSITORY, failed, None),
        lambda: reports.put_deployment(REPOSITORY, a_deployment(told, "in_progress"), None),
    ]

    attempts = 0
    relay.lost_by_status = by_status
    for call in calls:
        while True:
            relay.lost = 1 if len(relay.writes) == at else 0
            attempts += 1
            try:
                call()
                break
            except TransientUpstreamError:
                continue

    assert attempts <= len(calls) + 1
    assert [text for _, text in told.comments()] == [f"{OURS}\none"]
    assert told.check() == ("failure", "60 faults")
    assert sorted(one.line or 0 for one in told.annotations()) == list(range(1, 61))
    assert [one.state for one in told.pull.deployments] == ["in_progress"]


def test_a_short_limit_is_waited_for_and_a_long_one_is_the_queues(
    relay: Relay, app: GitHubApp, told: ToldAtDouble
) -> None:
    reports = PyGithubReports(relay.url, secret_of(app))
    relay.limits = [{"Retry-After": "1"}]

    put_comment(reports, told, "one", None)
    waited = len(relay.writes)
    relay.limits = [{"Retry-After": "300"}]
    with pytest.raises(TransientUpstreamError, match="403 try again in 300 s") as error:
        put_comment(reports, told, "two", None)

    assert waited == 2
    assert error.value.retry_seconds == 300
    assert [text for _, text in told.comments()] == [f"{OURS}\none"]


def test_a_limit_that_goes_on_is_waited_for_once(relay: Relay, app: GitHubApp, told: ToldAtDouble) -> None:
    relay.limits = [{"Retry-After": "1"}] * 9

    with pytest.raises(TransientUpstreamError, match="403 try again in 1 s"):
        put_comment(PyGithubReports(relay.url, secret_of(app)), told, "one", None)

    assert len(relay.writes) == 2
    assert told.comments() == []


def test_a_limit_on_checks_is_no_reason_for_a_commit_status(relay: Relay, app: GitHubApp, told: ToldAtDouble) -> None:
    relay.limits = [{"Retry-After": "300"}]

    with pytest.raises(TransientUpstreamError):
        PyGithubReports(relay.url, secret_of(app)).put_check(REPOSITORY, a_check(told, "success", "3 DAGs"), None)

    assert told.pull.statuses() == {}
