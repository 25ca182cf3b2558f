"""GitHub through PyGithub: against the double over real git, and against servers that misbehave."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.domain.checkout import plan_checkout
from dagbranch.domain.source_archive import Limits
from dagbranch.errors import TransientUpstreamError, UnsafeArchiveError, UpstreamError
from local.github import LocalGitHub, Repository
from local.github.rest.rate_limit import RateLimit
from local.github.state import PullRecord
from tests.fakes.contracts.github import FILES, PEOPLE, GitHubContract

TOKEN = "made-up-token"
REPOSITORY = "acme/pipelines"


@dataclass
class Place:
    github: PyGithubGitHub
    repository: str
    pull_number: int
    head_sha: str
    base_sha: str
    installation_id: int | None = None


@pytest.fixture
def local(tmp_path: Path) -> Iterator[LocalGitHub]:
    with LocalGitHub(tmp_path / "github", webhook_secret="made-up", token=TOKEN) as running:
        yield running


@pytest.fixture
def github(local: LocalGitHub) -> PyGithubGitHub:
    return PyGithubGitHub(local.url, TOKEN)


@pytest.fixture
def repository(local: LocalGitHub) -> Repository:
    return local.create_repository(REPOSITORY, {"README.md": b"pipelines"})


def a_place(github: PyGithubGitHub, repository: Repository) -> Place:
    base_sha = repository.branch_sha("main")
    head_sha = repository.commit("feature1", {**FILES, "README.md": None}, "All kinds of files")
    repository.commit("main", {"later.txt": b""}, "What others did meanwhile")
    pull = repository.open_pull("feature1", "A pull request")
    for label in ("keep-environment", "ünï"):
        pull.label(label)
    for login, role in PEOPLE.items():
        repository.give(login, role)
    return Place(github, REPOSITORY, pull.number, head_sha, base_sha)


class TestPyGithubGitHub(GitHubContract):
    """With a person's token."""

    @pytest.fixture
    def place(self, github: PyGithubGitHub, repository: Repository) -> Place:
        return a_place(github, repository)


class TestPyGithubGitHubOfAnApp(GitHubContract):
    """With tokens that have no more than the rights to read sources."""

    @pytest.fixture
    def place(self, local: LocalGitHub, repository: Repository) -> Place:
        app = local.create_app("acme")
        installation_id = app.install("acme", repository)
        secret = json.dumps({"app_id": app.app_id, "private_key": app.private_key})
        return replace(a_place(PyGithubGitHub(local.url, secret), repository), installation_id=installation_id)


def fetch(github: PyGithubGitHub, sha: str, *paths: str, most_bytes: int = 10**8, most_ratio: int = 200) -> set[str]:
    return set(github.archive(REPOSITORY, sha, frozenset(paths), most_bytes=most_bytes, most_ratio=most_ratio))


# Pull requests


def test_a_fork_a_draft_and_a_deleted_fork_are_told_apart(github: PyGithubGitHub, repository: Repository) -> None:
    fork = repository.fork("dana")
    fork.commit("theirs", {"a": b"1"}, "From a fork")
    from_fork = repository.open_pull("theirs", "From a fork", head_repository=fork)
    repository.commit("draft", {"a": b"2"}, "A draft")
    draft = repository.open_pull("draft", "A draft", draft=True)

    pull = github.pull_request(REPOSITORY, from_fork.number)
    assert pull is not None
    assert (pull.is_from_a_fork, pull.repository_id, pull.head_repository_id) == (True, repository.id, fork.id)
    drafted = github.pull_request(REPOSITORY, draft.number)
    assert drafted is not None
    assert (drafted.is_draft, drafted.is_from_a_fork) == (True, False)

    fork.delete()
    orphan = github.pull_request(REPOSITORY, from_fork.number)
    assert orphan is not None
    assert (orphan.head_repository_id, orphan.is_from_a_fork) == (None, True)


def test_a_closed_pull_request_is_told_as_closed_and_is_not_among_the_open_ones(
    github: PyGithubGitHub, repository: Repository
) -> None:
    for name in ("one", "two"):
        repository.commit(name, {name: b"x"}, name)
        repository.open_pull(name, name)
    repository.pull(1).close()

    closed = github.pull_request(REPOSITORY, 1)

    assert closed is not None
    assert not closed.is_open
    assert [pull.number for pull in github.open_pull_requests(REPOSITORY)] == [2]


class Meanwhile(RateLimit):
    """Counts the requests; ``happens`` before the one with this number is answered."""

    def __init__(self, number: int = 0, happens: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.requests = 0
        self._number, self._happens = number, happens

    def take(self) -> None:
        self.requests += 1
        if self.requests == self._number:
            self._happens()
        super().take()


def hosted_pulls(local: LocalGitHub, repository: Repository, count: int) -> dict[int, PullRecord]:
    """So many open pull requests, each a second younger than the one before."""
    repository.commit("branch", {"a": b"1"}, "x")
    first = repository.open_pull("branch", "x").record
    pulls = local.site.state.repositories[repository.id].pulls
    pulls |= {
        number: replace(
            first, id=first.id + number, number=number, created_at=first.created_at + timedelta(seconds=number)
        )
        for number in range(1, count + 1)
    }
    return pulls


@pytest.mark.parametrize("count", [99, 100, 101, 200])
def test_every_page_of_open_pull_requests_is_read(
    github: PyGithubGitHub, local: LocalGitHub, repository: Repository, count: int
) -> None:
    hosted_pulls(local, repository, count)

    assert sorted(pull.number for pull in github.open_pull_requests(REPOSITORY)) == list(range(1, count + 1))


def test_a_thousand_open_pull_requests_are_read_in_at_most_fifteen_requests(
    github: PyGithubGitHub, local: LocalGitHub, repository: Repository
) -> None:
    hosted_pulls(local, repository, 1_000)
    local.site.rate_limit = counted = Meanwhile()

    assert len(github.open_pull_requests(REPOSITORY)) == 1_000
    assert counted.requests <= 15


def test_what_is_closed_while_the_pages_are_read_hides_no_other(
    github: PyGithubGitHub, local: LocalGitHub, repository: Repository
) -> None:
    pulls = hosted_pulls(local, repository, 210)
    closed = [replace(pulls[number], state="closed") for number in range(1, 61)]

    for request in range(2, 5):
        local.site.rate_limit = Meanwhile(request, lambda: pulls.update({one.number: one for one in closed}))
        found = {pull.number for pull in github.open_pull_requests(REPOSITORY)}
        pulls.update({one.number: replace(one, state="open") for one in closed})

        assert found >= set(range(61, 211)), f"closed before request {request}"


def test_what_is_opened_while_the_pages_are_read_hides_no_other(
    github: PyGithubGitHub, local: LocalGitHub, repository: Repository
) -> None:
    pulls = hosted_pulls(local, repository, 200)
    late = {number: replace(pulls[200], number=number) for number in range(201, 250)}
    local.site.rate_limit = Meanwhile(3, lambda: pulls.update(late))

    assert {pull.number for pull in github.open_pull_requests(REPOSITORY)} >= set(range(1, 201))


def test_a_list_whose_links_were_lost_is_read_to_its_end(misbehaving: Misbehaving) -> None:
    misbehaving.pages = [[a_pull(number) for number in range(first, first + 100)] for first in (1, 101)]
    misbehaving.pages.append([a_pull(201)])

    found = PyGithubGitHub(misbehaving.url, TOKEN).open_pull_requests(REPOSITORY)

    assert sorted(pull.number for pull in found) == list(range(1, 202))


def test_a_repository_that_the_token_does_not_see_has_no_pull_request_and_no_list(
    github: PyGithubGitHub, local: LocalGitHub
) -> None:
    local.create_repository("acme/secret", {"a": b"1"}, granted=False)

    assert github.pull_request("acme/secret", 1) is None
    with pytest.raises(UpstreamError, match="404") as error:
        github.open_pull_requests("acme/secret")
    assert not isinstance(error.value, TransientUpstreamError)


# What a pull request changes


def test_both_names_of_what_was_renamed_are_told(github: PyGithubGitHub, repository: Repository) -> None:
    content = b"import airflow\n" * 40
    repository.commit("main", {"dags/old.py": content}, "A DAG")
    repository.commit("feature1", {"dags/old.py": None, "dags/new.py": content}, "Renamed")
    pull = repository.open_pull("feature1", "Renamed")

    assert github.changed_paths(REPOSITORY, pull.number) == frozenset({"dags/old.py", "dags/new.py"})


@pytest.mark.parametrize("count", [99, 100, 101, 250])
def test_every_page_of_what_is_changed_is_read(github: PyGithubGitHub, repository: Repository, count: int) -> None:
    files = {f"dags/{number}.py": b"%d" % number for number in range(count)}
    repository.commit("feature1", files, "Many files")
    pull = repository.open_pull("feature1", "Many files")

    assert github.changed_paths(REPOSITORY, pull.number) == frozenset(files)


@pytest.mark.parametrize("told", [3001, 3, 1])
def test_what_is_not_all_listed_is_not_known(misbehaving: Misbehaving, told: int) -> None:
    pull = {"changed_files": told}
    listed = [{"filename": "a", "status": "modified"}, {"filename": "b", "status": "added"}]
    misbehaving.answers = {"/pulls/1": pull, "/pulls/1/files": listed}

    assert PyGithubGitHub(misbehaving.url, TOKEN).changed_paths(REPOSITORY, 1) is None


# Trees and archives


def test_what_attributes_hide_or_change_is_found_and_fetched(github: PyGithubGitHub, repository: Repository) -> None:
    attributes = b"tests export-ignore\nversion.py export-subst\n"
    files = {
        "dags/.gitattributes": attributes,
        "dags/tests/case.py": b"assert True\n",
        "dags/version.py": b"COMMIT = '$Format:%H$'\n",
        "dags/main.py": b"import airflow\n",
    }
    sha = repository.commit("feature1", files, "With attributes")
    tree = github.tree(REPOSITORY, sha, "dags")
    plan = plan_checkout(tree, {}, lambda path: path.startswith("dags/"), Limits())

    archived = github.archive(REPOSITORY, sha, plan.wanted(), most_bytes=10_000, most_ratio=200)
    missing = plan.missing_from(archived)

    assert {entry.path for entry in missing} == {"dags/tests/case.py", "dags/version.py"}
    mended = {entry.path: github.blob(REPOSITORY, entry.sha) for entry in missing}
    assert plan.complete({**archived, **mended}) == files


def test_a_tree_too_large_for_one_answer_is_read_by_the_folders_that_are_kept(tmp_path: Path) -> None:
    many = {f"other/{number}.txt": b"x" for number in range(30)}
    dags = {"src/dags/a.py": b"import airflow", "src/dags/qu/b.py": b"b", "dagbranch.yaml": b"version: 1\n"}
    kept = {**dags, "spark/jobs/roi.py": b"r"}
    with LocalGitHub(tmp_path / "gh", webhook_secret="made-up", token=TOKEN, tree_entry_limit=20) as local:
        sha = local.create_repository(REPOSITORY, {**many, **kept}).branch_sha("main")
        github = PyGithubGitHub(local.url, TOKEN)

        assert set(github.tree(REPOSITORY, sha, "src/dags")) == set(dags)
        assert set(github.tree(REPOSITORY, sha, "src/dags", "spark/jobs")) == set(kept)
        assert set(github.tree(REPOSITORY, sha, "missing/folder")) == {"dagbranch.yaml"}
        with pytest.raises(UnsafeArchiveError, match="other holds more files than GitHub lists"):
            github.tree(REPOSITORY, sha, "other")


def test_a_repository_packaged_from_its_root_that_is_too_large_for_one_answer_says_so(tmp_path: Path) -> None:
    many = {f"other/{number}.txt": b"x" for number in range(30)}
    with LocalGitHub(tmp_path / "gh", webhook_secret="made-up", token=TOKEN, tree_entry_limit=20) as local:
        sha = local.create_repository(REPOSITORY, many).branch_sha("main")

        with pytest.raises(UnsafeArchiveError, match="more files than GitHub lists"):
            PyGithubGitHub(local.url, TOKEN).tree(REPOSITORY, sha, ".")


def test_a_file_larger_than_github_shows_is_refused_and_one_that_just_fits_is_read(
    github: PyGithubGitHub, repository: Repository
) -> None:
    content = random.Random(1).randbytes(1024 * 1024)
    sha = repository.commit("feature1", {"fits": content, "large": content + b"!"}, "Large")

    assert github.file(REPOSITORY, sha, "fits") == content
    with pytest.raises(UnsafeArchiveError, match="large has 1048577 bytes"):
        github.file(REPOSITORY, sha, "large")


def test_a_folder_is_no_file(github: PyGithubGitHub, repository: Repository) -> None:
    sha = repository.commit("feature1", {"dagbranch.yaml/inside": b""}, "A folder")

    with pytest.raises(UnsafeArchiveError, match="no regular file"):
        github.file(REPOSITORY, sha, "dagbranch.yaml")


def test_what_is_kept_is_bounded_and_the_rest_of_the_repository_is_not(
    github: PyGithubGitHub, repository: Repository
) -> None:
    noise = random.Random(1).randbytes(3_000_000)
    sha = repository.commit("feature1", {"a_big.bin": noise, "dags/a.py": b"a" * 1000, "dags/b.py": b"b"}, "Big")

    assert fetch(github, sha, "dags/a.py", "dags/b.py", most_bytes=1001) == {"dags/a.py", "dags/b.py"}
    with pytest.raises(UnsafeArchiveError, match="over 1000 bytes"):
        fetch(github, sha, "dags/a.py", "dags/b.py", most_bytes=1000)


def test_a_compression_bomb_is_refused_before_it_is_unpacked(github: PyGithubGitHub, repository: Repository) -> None:
    sha = repository.commit("feature1", {"dags/zeros": b"\x00" * 20_000_000}, "Zeros")

    with pytest.raises(UnsafeArchiveError, match="compression bomb"):
        fetch(github, sha, "dags/zeros", most_ratio=200)
    assert fetch(github, sha, "dags/zeros", most_ratio=2000) == {"dags/zeros"}


def test_small_files_may_be_compressed_as_they_like(github: PyGithubGitHub, repository: Repository) -> None:
    sha = repository.commit("feature1", {"dags/zeros": b"\x00" * 900_000}, "Zeros")

    assert fetch(github, sha, "dags/zeros", most_ratio=2) == {"dags/zeros"}


def test_an_archive_link_that_expired_is_asked_for_again(
    github: PyGithubGitHub, local: LocalGitHub, repository: Repository
) -> None:
    local.site.archive_links.lifetime_seconds = 0

    with pytest.raises(TransientUpstreamError, match="GitHub answered 404") as error:
        fetch(github, repository.branch_sha("main"), "README.md")
    assert "token" not in str(error.value).lower()


# Where a pull request parted from its base


def test_a_base_that_was_merged_into_the_branch_is_what_it_parted_from(
    github: PyGithubGitHub, repository: Repository
) -> None:
    repository.commit("feature/one", {"dags/a.py": b"1"}, "A feature")
    merged = repository.commit("release/1.0", {"b": b"2"}, "What others did")
    head = repository.commit("feature/one", {"c": b"3"}, "On top of it", start_from=merged)

    assert github.merge_base(REPOSITORY, "release/1.0", head) == merged
    assert github.merge_base(REPOSITORY, "main", merged) == repository.branch_sha("main")


# Faults


def calls(github: PyGithubGitHub) -> list[Callable[[], object]]:
    sha = "1" * 40
    return [
        lambda: github.pull_request(REPOSITORY, 1),
        lambda: github.open_pull_requests(REPOSITORY),
        lambda: github.file(REPOSITORY, sha, "dagbranch.yaml"),
        lambda: github.tree(REPOSITORY, sha, "dags"),
        lambda: github.archive(REPOSITORY, sha, frozenset({"a"}), most_bytes=1, most_ratio=1),
        lambda: github.blob(REPOSITORY, sha),
        lambda: github.merge_base(REPOSITORY, "main", sha),
        lambda: github.changed_paths(REPOSITORY, 1),
        lambda: github.may_write(REPOSITORY, "will"),
    ]


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("call", range(9))
def test_an_outage_passes(
    github: PyGithubGitHub, local: LocalGitHub, repository: Repository, status: int, call: int
) -> None:
    local.site.outage_status = status

    with pytest.raises(TransientUpstreamError) as error:
        calls(github)[call]()
    assert TOKEN not in str(error.value)


def test_a_wrong_token_does_not_pass(local: LocalGitHub, repository: Repository) -> None:
    github = PyGithubGitHub(local.url, "another-token")

    for call in calls(github):
        with pytest.raises(UpstreamError, match="401 Bad credentials") as error:
            call()
        assert not isinstance(error.value, TransientUpstreamError)
        assert "another-token" not in str(error.value)


def test_a_spent_rate_limit_passes_and_is_not_sat_out(
    github: PyGithubGitHub, local: LocalGitHub, repository: Repository
) -> None:
    local.site.rate_limit.set(0, window_seconds=3600)
    began = time.monotonic()

    with pytest.raises(TransientUpstreamError, match="rate limit") as error:
        github.pull_request(REPOSITORY, 1)

    assert time.monotonic() - began < 10
    assert 3500 < error.value.retry_seconds <= 3600, "the queue waits for the hour's end"


class Misbehaving(ThreadingHTTPServer):
    """An API whose answers are ``body``, ``missing_bytes`` short of what was promised, and whose archives are too.

    Where there are ``pages``, they are the answers, without a link from one to the next; ``answers`` go before.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        self.missing_bytes = 0
        self.archive_link = True
        self.pages: list[list[dict[str, Any]]] = []
        self.answers: dict[str, object] = {}  # by the path behind the repository's
        self.requests = 0
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Misbehaving

    def do_GET(self) -> None:
        self.server.requests += 1
        if "/tarball/" in self.path and self.server.archive_link:
            self.send_response(302)
            self.send_header("Location", f"{self.server.url}/codeload?token=signed")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        body = self._page() if self.server.pages else self._body()
        self.send_header("Content-Length", str(len(body) + self.server.missing_bytes))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        answer = self.server.answers.get(urlsplit(self.path).path.partition(REPOSITORY)[2])
        return self.server.body if answer is None else json.dumps(answer).encode()

    def _page(self) -> bytes:
        number = int(parse_qs(urlsplit(self.path).query)["page"][0])
        return json.dumps(self.server.pages[number - 1] if number <= len(self.server.pages) else []).encode()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the base class's name
        pass


def a_pull(number: int, **different: Any) -> dict[str, Any]:
    """As GitHub tells it, as far as it is read."""
    base = {"ref": "main", "repo": {"id": 1, "full_name": REPOSITORY, "default_branch": "main"}}
    head = {"ref": "feature1", "sha": "1" * 40, "repo": {"id": 1}}
    told = {"number": number, "state": "open", "draft": False, "head": head, "base": base, "labels": []}
    return {**told, **different}


@pytest.fixture
def misbehaving() -> Iterator[Misbehaving]:
    with Misbehaving() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def tarball(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


WHOLE = tarball(("acme-pipelines-1/dags/a", random.Random(1).randbytes(300_000)))


@pytest.mark.parametrize(
    ("body", "missing_bytes"),
    [
        (WHOLE, 0),
        (WHOLE[:100_000], 100),
        (WHOLE[:100_000], 0),
        (b"<html>A page of a proxy</html>", 0),
        (gzip.compress(b"no tar"), 0),
        (b"", 0),
    ],
    ids=["whole", "broken off", "too short", "a page", "no tar", "empty"],
)
def test_an_archive_that_does_not_arrive_whole_is_fetched_again(
    misbehaving: Misbehaving, body: bytes, missing_bytes: int
) -> None:
    misbehaving.body, misbehaving.missing_bytes = body, missing_bytes
    github = PyGithubGitHub(misbehaving.url, TOKEN)

    if body == WHOLE:
        assert fetch(github, "1" * 40, "dags/a") == {"dags/a"}
        return
    with pytest.raises(TransientUpstreamError, match="fetching the archive") as error:
        fetch(github, "1" * 40, "dags/a")
    assert "signed" not in str(error.value)


def test_members_that_are_not_asked_for_are_never_taken(misbehaving: Misbehaving) -> None:
    misbehaving.body = tarball(("top/../../etc/passwd", b"x"), ("/etc/passwd", b"x"), ("top/dags/a", b"a"))

    found = PyGithubGitHub(misbehaving.url, TOKEN).archive(
        REPOSITORY, "1" * 40, frozenset({"dags/a", "dags/b"}), most_bytes=100, most_ratio=100
    )

    assert found == {"dags/a": b"a"}


RUBBISH = {
    "empty": b"",
    "null": b"null",
    "a page": b"<html>A page of a proxy</html>",
    "a text": b'"unavailable"',
    "another object": b'{"message": "hello"}',
    "another list": b'[{"number": 1}]',
    "a list of texts": b'["a"]',
    "cut off": json.dumps([a_pull(1), a_pull(2)]).encode()[:-30],
    "no text": b"\xff\xfe{",
    "a pull request without a head": json.dumps([a_pull(1), a_pull(2, head=None)]).encode(),
    "a pull request without labels": json.dumps([a_pull(1), a_pull(2, labels=None)]).encode(),
    "a state that there is not": json.dumps([a_pull(1, state="merged")]).encode(),
}


@pytest.mark.parametrize("body", RUBBISH.values(), ids=RUBBISH)
def test_an_answer_that_is_not_what_it_should_be_passes_and_is_no_empty_list(
    misbehaving: Misbehaving, body: bytes
) -> None:
    misbehaving.body, misbehaving.archive_link = body, False
    github = PyGithubGitHub(misbehaving.url, TOKEN)

    for call in calls(github):
        with pytest.raises(TransientUpstreamError) as error:
            call()
        assert TOKEN not in str(error.value)


def test_an_answer_that_breaks_off_passes_and_is_no_empty_list(misbehaving: Misbehaving) -> None:
    whole = json.dumps([a_pull(1)]).encode()
    misbehaving.archive_link = False
    github = PyGithubGitHub(misbehaving.url, TOKEN)

    for length in (0, 2, len(whole) // 2):
        misbehaving.body, misbehaving.missing_bytes = whole[:length], len(whole) - length
        for call in calls(github):
            with pytest.raises(TransientUpstreamError):
                call()


@pytest.mark.parametrize(
    ("status", "headers", "message", "asked_seconds"),
    [
        (403, {"Retry-After": "90"}, "You have exceeded a secondary rate limit.", 90),
        (403, {}, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", 60),
        (403, {}, "You have triggered an abuse detection mechanism.", 60),
        (403, {"X-RateLimit-Remaining": "0"}, "Forbidden", 60),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}, "Forbidden", 3600),
        (429, {}, "Too many requests", 60),
        (429, {"Retry-After": "86400"}, "", 3600),
        (408, {}, "Timeout", 0),
    ],
)
def test_a_limit_passes_and_is_not_tried_against_before_the_time_that_github_asks_for(
    misbehaving: Misbehaving, status: int, headers: dict[str, str], message: str, asked_seconds: int
) -> None:
    misbehaving.status, misbehaving.headers = status, headers
    misbehaving.body, misbehaving.archive_link = json.dumps({"message": message}).encode(), False
    github = PyGithubGitHub(misbehaving.url, TOKEN)

    for call in calls(github):
        with pytest.raises(TransientUpstreamError, match=f"GitHub answered {status}") as error:
            call()
        assert error.value.retry_seconds == asked_seconds
    assert misbehaving.requests == len(calls(github))


@pytest.mark.parametrize("status", [403, 404, 410, 422])
def test_a_refusal_that_is_no_limit_does_not_pass(misbehaving: Misbehaving, status: int) -> None:
    misbehaving.status, misbehaving.body = status, b'{"message": "Resource not accessible by integration"}'

    with pytest.raises(UpstreamError, match=f"{status} Resource not accessible") as error:
        PyGithubGitHub(misbehaving.url, TOKEN).pull_request(REPOSITORY, 1)
    assert not isinstance(error.value, TransientUpstreamError)


def test_a_server_that_is_not_there_passes() -> None:
    for call in calls(PyGithubGitHub("http://127.0.0.1:9", TOKEN)):
        with pytest.raises(TransientUpstreamError):
            call()
