"""``dagbranch history`` on the audit that the functions write, in DynamoDB (moto)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from dagbranch.adapters.dynamodb_audit import DynamoDbAudit
from dagbranch.cli import main
from dagbranch.domain.audit import AuditEntry
from tests.fakes.command import refusal
from tests.fakes.examples import FIRST, REPOSITORY, REPOSITORY_ID, SECOND
from tests.fakes.template import registry_table

TABLE = "registry"
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
PROMOTED = AuditEntry(
    "prod", AT, "promoted", "anna", REPOSITORY_ID, REPOSITORY, FIRST, "d" * 64, "without soak: hot-fix"
)
ROLLED_BACK = replace(PROMOTED, at=AT + timedelta(days=1), deed="rolled back", by="bela", head_sha=SECOND, details="")
LONG_AGO = replace(PROMOTED, at=AT - timedelta(days=100))
IN_STAGE = replace(PROMOTED, lane="stage")
ANOTHERS = replace(PROMOTED, repository="acme/other", repository_id=2)


@pytest.fixture(autouse=True)
def audit(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDbAudit]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(**registry_table(TABLE))
        yield DynamoDbAudit(client, TABLE)


def history(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["history", "--lane", "prod", "--table", TABLE, *arguments]) == 0
    return capsys.readouterr().out


def test_who_did_what_when_and_by_which_digest_is_told_with_the_newest_first(
    capsys: pytest.CaptureFixture[str], audit: DynamoDbAudit
) -> None:
    for entry in (PROMOTED, ROLLED_BACK, LONG_AGO, IN_STAGE):
        audit.append(entry)

    printed = history(capsys)

    assert [line.split() for line in printed.splitlines()] == [
        ["at", "(UTC)", "what", "repository", "commit", "digest", "by", "details"],
        [*f"{ROLLED_BACK.at:%Y-%m-%d %H:%M:%S} rolled back {REPOSITORY} {SECOND[:7]} {'d' * 12} bela".split()],
        [*f"{AT:%Y-%m-%d %H:%M:%S} promoted {REPOSITORY} {FIRST[:7]} {'d' * 12} anna without soak: hot-fix".split()],
    ]


def test_programs_get_one_json_object(capsys: pytest.CaptureFixture[str], audit: DynamoDbAudit) -> None:
    audit.append(PROMOTED)

    (entry,) = json.loads(history(capsys, "--json"))["entries"]

    assert entry["at"] == AT.isoformat()
    assert (entry["deed"], entry["source_digest"]) == ("promoted", "d" * 64)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--since", "3d"], 3),
        (["--since", "2160m"], 1),
        (["--since", "103d"], 4),
        (["--since", f"{AT - timedelta(days=101):%Y-%m-%d}"], 4),
        (["--repository", "acme/other"], 1),
        (["--repository", "Acme/Other"], 1),
        (["--repository", "acme/third"], 0),
    ],
)
def test_a_time_and_a_repository_leave_out_the_rest(
    capsys: pytest.CaptureFixture[str], audit: DynamoDbAudit, arguments: list[str], told: int
) -> None:
    for entry in (PROMOTED, ROLLED_BACK, LONG_AGO, ANOTHERS):
        audit.append(entry)

    assert len(json.loads(history(capsys, "--json", *arguments))["entries"]) == told


def test_a_lane_in_which_nothing_was_done_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert history(capsys) == "nothing was done in that time\n"


def test_what_a_stranger_wrote_moves_no_cursor(capsys: pytest.CaptureFixture[str], audit: DynamoDbAudit) -> None:
    audit.append(replace(PROMOTED, details="\x1b[2J\nfake line"))

    printed = history(capsys)

    assert "\x1b" not in printed
    assert len(printed.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--table", "another"], "reading the audit"),
        (["--since", "yesterday"], "expected 30d, 12h or 2026-11-21"),
        (["--repository", "acme"], "expected owner/name"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert told in refusal(capsys, "history", "--lane", "prod", "--table", TABLE, *arguments)


def test_without_a_region_the_line_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    assert "region" in refusal(capsys, "history", "--lane", "prod", "--table", TABLE)
