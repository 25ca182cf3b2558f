"""What the double of GitHub promises, through the unmodified PyGithub client and against GitHub's published schemas."""

from __future__ import annotations

import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from github import (
    Auth,
    BadCredentialsException,
    Github,
    GithubException,
    RateLimitExceededException,
    UnknownObjectException,
)
from githubkit.webhooks import verify
from githubkit_schemas.latest import models
from pydantic import BaseModel, TypeAdapter

from local.github import File, Link, LocalGitHub, Pull, Repository, Submodule, signature

SECRET = "made-up secret"
TOKEN = "made-up-token"
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"
FILES: dict[str, Any] = {
    "dags/qu/main.py": b"import airflow\n",
    "dags/qu/query.sql": b"SELECT 1\n",
    "dags/link.py": Link("qu/main.py"),
    "dags/outside": Link("../../etc/passwd"),
    "bin/run": File(b"#!/bin/sh\n", executable=True),
    "data/model.bin": LFS_POINTER,
    "vendored": Submodule("1" * 40),
    ".gitmodules": b'[submodule "vendored"]\n\tpath = vendored\n\turl = https://example.org/vendored.git\n',
    "tests/only.py": b"assert True\n",
    "version.txt": b"$Format:%H$\n",
    ".gitattributes": b"tests export-ignore\nversion.txt export-subst\n*.bin filter=lfs diff=lfs merge=lfs -text\n",
    "latin.bytes": bytes(range(256)),
    "umläut name.txt": b"x",
}


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes


class Receiver(ThreadingHTTPServer):
    """A webhook's address: keeps what it gets, answers ``status``, and does not answer at all while ``held``."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ReceiverHandler)
        self.received: list[Received] = []
        self.status = 202
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.url = f"http://127.0.0.1:{self.server_port}/"


class _ReceiverHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(Received({name.lower(): value for name, value in self.headers.items()}, body))
        self.server.may_answer.wait(10)
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"taken")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.may_answer.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def double(tmp_path: Path, receiver: Receiver) -> Iterator[LocalGitHub]:
    with LocalGitHub(tmp_path / "github", webhook_secret=SECRET, token=TOKEN) as running:
        running.deliver_to = receiver.url
        yield running


@pytest.fixture
def repository(double: LocalGitHub) -> Repository:
    return double.create_repository("acme/pipelines", FILES)


@pytest.fixture
def pull(repository: Repository) -> Pull:
    repository.commit("feature1", {"dags/qu/query.sql": b"SELECT 2\n"}, "Ask for more")
    return repository.open_pull("feature1", "More")


@pytest.fixture
def client(double: LocalGitHub) -> Iterator[Github]:
    with client_of(double) as made:
        yield made


def client_of(double: LocalGitHub, token: str = TOKEN, **options: Any) -> Github:
    return Github(
        base_url=double.url,
        auth=Auth.Token(token),
        seconds_between_requests=None,
        seconds_between_writes=None,
        retry=None,
        **options,
    )


def get(double: LocalGitHub, path: str, token: str | None = TOKEN) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(double.url + path, headers=headers, timeout=10)


def untarred(content: bytes) -> dict[str, bytes]:
    """What is in the archive, empty for what is no file."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = archive.getmembers()
        files = {one.name: archive.extractfile(one) if one.isfile() else None for one in members}
        return {name: file.read() if file else b"" for name, file in files.items()}


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name.rstrip("/"): archive.read(name) for name in archive.namelist()}


# REST answers


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("", models.FullRepository),
        ("/pulls?state=all", list[models.PullRequestSimple]),
        ("/pulls/1", models.PullRequest),
        ("/pulls/2", models.PullRequest),
        ("/pulls/3", models.PullRequest),
        ("/pulls/1/files", list[models.DiffEntry]),
        ("/branches/main", models.BranchWithProtection),
        ("/commits/main", models.Commit),
        ("/git/commits/{sha}", models.GitCommit),
        ("/git/trees/{sha}?recursive=1", models.GitTree),
        ("/git/blobs/{blob}", models.Blob),
        ("/contents", list[models.ContentDirectoryItems]),
        ("/contents/dags/qu/main.py?ref={sha}", models.ContentFile),
        ("/contents/dags/outside", models.ContentSymlink),
        ("/contents/vendored", models.ContentSubmodule),
        ("/nothing", models.BasicError),
        ("/commits/nothing", models.ValidationError),
    ],
)
def test_every_answer_is_valid_by_githubs_schema(
    double: LocalGitHub, repository: Repository, pull: Pull, path: str, schema: Any
) -> None:
    pull.label("preview")
    fork = repository.fork("stranger")
    fork.commit("patch", {"dags/new.py": b"", "dags/qu/query.sql": None}, "Move")
    repository.open_pull("patch", "From outside", head_repository=fork, draft=True)
    repository.commit("merged", {"merged.txt": b""}, "Merge me")
    repository.open_pull("merged", "Merged").close(merged=True)
    sha = repository.branch_sha("main")
    blob = get(double, f"/repos/acme/pipelines/git/trees/{sha}").json()["tree"][0]["sha"]

    answer = get(double, "/repos/acme/pipelines" + path.format(sha=sha, blob=blob))

    TypeAdapter(schema).validate_json(answer.content)
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


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


# archives


@pytest.mark.parametrize(("file_format", "files_in"), [("tarball", untarred), ("zipball", unzipped)])
def test_an_archive_is_what_git_archive_makes_of_the_commit(
    client: Github, repository: Repository, file_format: str, files_in: Callable[[bytes], dict[str, bytes]]
) -> None:
    sha = repository.branch_sha("main")
    top = f"acme-pipelines-{sha[:7]}"

    link = client.get_repo("acme/pipelines").get_archive_link(file_format, sha)
    files = files_in(requests.get(link, timeout=10).content)

    assert {name.split("/")[0] for name in files} == {top}
    assert f"{top}/tests/only.py" not in files
    assert f"{top}/vendored" in files
    assert files[f"{top}/version.txt"].decode().strip() == sha
    assert files[f"{top}/data/model.bin"] == LFS_POINTER


def test_an_archive_link_needs_no_token_and_opens_its_own_repository_for_a_while(
    double: LocalGitHub, client: Github, repository: Repository
) -> None:
    other = double.create_repository("acme/other", FILES)
    link = client.get_repo("acme/pipelines").get_archive_link("tarball", "main")
    double.site.archive_links.lifetime_seconds = 0.0
    expired = client.get_repo("acme/pipelines").get_archive_link("tarball", "main")

    assert requests.get(link, timeout=10).status_code == 200
    assert requests.get(link.replace("acme/pipelines", other.full_name), timeout=10).status_code == 404
    assert requests.get(link.partition("?")[0], timeout=10).status_code == 404
    assert requests.get(expired, timeout=10).status_code == 404


# who may ask, and what is not there


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


# webhooks


@dataclass(frozen=True)
class Step:
    action: str
    schema: type[BaseModel]
    act: Callable[[Pull], object]


@pytest.mark.parametrize(
    "step",
    [
        Step("opened", models.WebhookPullRequestOpened, lambda pull: pull.number),
        Step("synchronize", models.WebhookPullRequestSynchronize, lambda pull: pull.push({"a": b""}, "More")),
        Step("closed", models.WebhookPullRequestClosed, lambda pull: pull.close()),
        Step("closed", models.WebhookPullRequestClosed, lambda pull: pull.close(merged=True)),
        Step("reopened", models.WebhookPullRequestReopened, lambda pull: (pull.close(), pull.reopen())),
        Step("converted_to_draft", models.WebhookPullRequestConvertedToDraft, lambda pull: pull.convert_to_draft()),
        Step("ready_for_review", models.WebhookPullRequestReadyForReview, lambda pull: pull.ready_for_review()),
        Step("labeled", models.WebhookPullRequestLabeled, lambda pull: pull.label("preview")),
        Step("unlabeled", models.WebhookPullRequestUnlabeled, lambda pull: (pull.label("x"), pull.unlabel("x"))),
    ],
    ids=lambda step: step.action,
)
def test_every_pull_request_event_is_valid_by_githubs_schema(receiver: Receiver, pull: Pull, step: Step) -> None:
    step.act(pull)

    sent = receiver.received[-1]
    step.schema.model_validate_json(sent.body)
    assert sent.headers["x-github-event"] == "pull_request"


def test_a_ping_is_valid_by_githubs_schema(double: LocalGitHub, receiver: Receiver, repository: Repository) -> None:
    double.ping(repository)

    ping = models.WebhookPing.model_validate_json(receiver.received[-1].body)
    assert ping.hook_id == int(receiver.received[-1].headers["x-github-hook-id"])


def test_deliveries_are_signed_and_named_as_githubs(double: LocalGitHub, receiver: Receiver, pull: Pull) -> None:
    sent, delivery = receiver.received[-1], double.deliveries[-1]

    assert verify(SECRET, sent.body, sent.headers["x-hub-signature-256"])
    assert sent.headers["x-github-delivery"] == delivery.id
    assert sent.headers["user-agent"].startswith("GitHub-Hookshot/")
    assert (delivery.event, delivery.action, delivery.status, delivery.response) == (
        "pull_request",
        "opened",
        202,
        "taken",
    )


def test_the_signature_is_that_of_the_example_in_githubs_documentation() -> None:
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert signature("It's a Secret to Everybody", b"Hello, World!") == expected


def test_a_withheld_webhook_leaves_the_truth_changed_and_can_come_late(
    double: LocalGitHub, receiver: Receiver, client: Github, pull: Pull
) -> None:
    arrived = len(receiver.received)

    lost = pull.close(deliver=False)
    state = client.get_repo("acme/pipelines").get_pull(pull.number).state
    arrived_meanwhile = len(receiver.received)
    late = double.redeliver(lost.id)

    assert (state, arrived_meanwhile) == ("closed", arrived)
    assert (lost.sent_at, lost.status) == (None, None)
    assert late.status == 202
    assert receiver.received[-1].headers["x-github-delivery"] == lost.id


def test_a_redelivery_is_the_same_bytes_under_the_same_id(double: LocalGitHub, receiver: Receiver, pull: Pull) -> None:
    receiver.status = 500
    failed = pull.label("preview")
    receiver.status = 202

    again = double.redeliver(failed.id)

    first, second = receiver.received[-2:]
    assert (failed.status, again.status, again.redelivery) == (500, 202, True)
    assert first.body == second.body
    assert first.headers["x-github-delivery"] == second.headers["x-github-delivery"]


def test_a_slow_answer_is_a_failed_delivery_that_is_not_repeated(
    double: LocalGitHub, receiver: Receiver, pull: Pull
) -> None:
    arrived = len(receiver.received)
    receiver.may_answer.clear()
    double.webhook.timeout_seconds = 0.05

    delivery = pull.label("preview")

    assert (delivery.status, delivery.error) == (None, "timed out")
    assert len(receiver.received) == arrived + 1


def test_nobody_at_the_address_is_a_failed_delivery(double: LocalGitHub, pull: Pull, receiver: Receiver) -> None:
    receiver.shutdown()
    receiver.server_close()

    delivery = pull.label("preview")

    assert delivery.status is None
    assert delivery.error is not None
    assert delivery.error.startswith("failed to connect to host")


def test_headers_of_the_addressee_travel_along(double: LocalGitHub, receiver: Receiver, pull: Pull) -> None:
    double.deliver_headers = {"Host": "abc.lambda-url.local"}

    pull.label("preview")

    assert receiver.received[-1].headers["host"] == "abc.lambda-url.local"


# the life of a pull request


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
    assert len(receiver.received) == 4


# repositories and the server


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
