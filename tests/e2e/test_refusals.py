"""What gets no environment, and who is told why, on the deployed template."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dagbranch.domain.environments import Status
from local.demo import observation
from local.github import Link, signature
from local.processes import wait_until
from tests.e2e.conftest import Told, settled

# On Airflow 2 the stack is full: what would get an environment there waits (test_waiting_line.py).
with_room = pytest.mark.parametrize("told", ["3"], indirect=True, ids=["airflow-3"])
_PAYLOADS = Path(__file__).parents[1] / "data" / "github"


def test_a_draft_gets_nothing_and_the_registry_says_why(told: Told) -> None:
    told.repository.commit("a-draft", {"dags/new.py": b"x = 1\n"}, "Unfinished", start_from="main")

    found = settled(told.stack, told.repository, told.repository.open_pull("a-draft", "Unfinished", draft=True))

    assert found.status == Status.REFUSED
    assert "draft" in found.message
    assert found.name is None


def test_a_pull_request_of_a_fork_gets_nothing_and_the_registry_says_why(told: Told) -> None:
    fork = told.repository.fork(f"stranger-{told.stack.airflow.line}")
    fork.commit("evil", {"dags/evil.py": b"import os; os.system('id')  # airflow dag\n"}, "Trust me", start_from="main")

    found = settled(told.stack, told.repository, told.repository.open_pull("evil", "Trust me", head_repository=fork))

    assert found.status == Status.REFUSED
    assert "another repository" in found.message
    assert observation.objects(told.stack, "evil") == []


def test_a_repository_that_is_not_on_the_list_gets_nothing_and_the_registry_says_why(told: Told) -> None:
    other = told.stack.github.create_repository("zalando/unlisted", {"dags/a.py": b"# airflow dag\n"})
    other.commit("mine", {"dags/b.py": b"# airflow dag\n"}, "Mine", start_from="main")
    pull = other.open_pull("mine", "Mine")

    wait_until(
        lambda: observation.registered(told.stack, other.id, pull.number) is not None,
        what="a refusal",
        deadline_seconds=120,
    )

    found = observation.registered(told.stack, other.id, pull.number)
    assert found is not None
    assert found.status == Status.REFUSED
    assert "AllowedRepositories" in found.message


@with_room
def test_a_broken_dagbranch_yaml_is_told_with_its_line(told: Told) -> None:
    text = b"version: 1\ndags: dags\nretires: 3\n"
    told.repository.commit("broken-yaml", {"dagbranch.yaml": text}, "Typo", start_from="main")

    found = settled(told.stack, told.repository, told.repository.open_pull("broken-yaml", "Typo"))

    assert found.status == Status.FAILED
    assert "dagbranch.yaml:3" in found.message
    assert "retires" in found.message
    assert observation.objects(told.stack, "broken_yaml") == []


@with_room
def test_a_repository_without_dags_is_told_where_was_looked(told: Told) -> None:
    text = b"version: 1\ndags: elsewhere\n"
    changes = {"dagbranch.yaml": text, "elsewhere/a.txt": b"nothing here\n"}
    told.repository.commit("no-dags", changes, "Moved", start_from="main")

    found = settled(told.stack, told.repository, told.repository.open_pull("no-dags", "Moved"))

    assert found.status == Status.FAILED
    assert "elsewhere" in found.message
    assert observation.objects(told.stack, "no_dags") == []


@with_room
def test_a_link_out_of_the_repository_is_refused(told: Told) -> None:
    told.repository.commit("a-link", {"dags/passwd": Link("../../../etc/passwd")}, "Look", start_from="main")

    found = settled(told.stack, told.repository, told.repository.open_pull("a-link", "Look"))

    assert found.status == Status.FAILED
    assert "dags/passwd" in found.message
    assert observation.objects(told.stack, "a_link") == []


@with_room
def test_an_import_error_is_told_with_its_file_and_line(told: Told) -> None:
    module = b"# airflow dag\nimport os\n\nos.environ['NO SUCH VARIABLE']\n"
    told.repository.commit("import-error", {"dags/qu/broken.py": module}, "Oops", start_from="main")

    found = settled(told.stack, told.repository, told.repository.open_pull("import-error", "Oops"))

    assert found.status == Status.FAILED
    assert "qu/broken.py:4" in found.message
    assert "NO SUCH VARIABLE" in found.message


@pytest.mark.parametrize("given", ["sha256=" + "0" * 64, "", "sha1=x"])
def test_a_webhook_that_github_did_not_sign_is_refused_and_nothing_happens(told: Told, given: str) -> None:
    body = (_PAYLOADS / "pull_request_opened.json").read_bytes()

    status = _post(told, body, given, event="pull_request")

    assert status == 401
    payload = json.loads(body)
    assert observation.registered(told.stack, payload["repository"]["id"], payload["number"]) is None


def test_an_event_of_a_kind_that_is_not_used_is_taken_and_nothing_happens(told: Told) -> None:
    body = (_PAYLOADS / "issues_opened.json").read_bytes()

    assert _post(told, body, signature(told.stack.webhook_secret, body), event="issues") == 202


def test_no_secret_is_in_any_log(told: Told) -> None:
    leaks = [
        (log.name, secret[:4])
        for log in told.stack.deployed.logs.glob("*.log")
        for secret in told.stack.secrets
        if secret in log.read_text(errors="replace")
    ]

    assert leaks == []


def test_every_log_line_of_ours_is_structured_and_says_what_it_is_about(told: Told) -> None:
    lines = [
        line for log in told.stack.deployed.logs.glob("*.log") for line in log.read_text().splitlines() if line.strip()
    ]
    told_by_us = [entry for entry in map(json.loads, lines) if "level" in entry and entry.get("service")]

    assert told_by_us
    for entry in told_by_us:
        assert {"environment", "repository", "pull_number", "head_sha"} <= entry.keys(), entry


def test_nothing_ended_among_the_dead_letters(told: Told) -> None:
    sqs = told.stack.aws.client("sqs")
    urls = [url for url in sqs.list_queues()["QueueUrls"] if "DeadLetters" in url or "UndeliveredEvents" in url]
    counts = {
        url.rpartition("/")[2]: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in urls
    }

    assert len(counts) == 9
    assert {name: found["ApproximateNumberOfMessages"] for name, found in counts.items()} == dict.fromkeys(counts, "0")


def _post(told: Told, body: bytes, given: str, event: str) -> int:
    url, headers = told.stack.aws.reachable(told.stack.outputs["WebhookUrl"])
    sent = {"X-GitHub-Event": event, "X-GitHub-Delivery": "72d3162e", "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, {**headers, **sent, "X-Hub-Signature-256": given})
    trusted = ssl.create_default_context(cafile=told.authority)
    try:
        with urllib.request.urlopen(request, context=trusted, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
