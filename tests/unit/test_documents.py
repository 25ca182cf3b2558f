"""What the documents name, held against what there is: tests, functions, permissions, commands, files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree as ET

import pytest

from dagbranch.domain.audit import Deed
from dagbranch.domain.commands import COMMANDS
from dagbranch.domain.gates import CHECKS, DATA, HOLD, READY, RUNS, SKIPPABLE, SOAK
from dagbranch.domain.pipeline_check import check_pipelines
from dagbranch.domain.release_wishes import read_wish
from dagbranch.domain.specification import Previews
from tests.fakes.template import RESOURCES, ROOT

SECURITY = (ROOT / "docs/security.md").read_text()
RELEASE_LANES = (ROOT / "docs/release-lanes.md").read_text()
PULL_REQUESTS = (ROOT / "docs/pull-requests.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FUNCTIONS = {name: one for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::Function"}
OF_EVERY_FUNCTION = re.compile(r"sqs:.*|kms:.*")
ELSEWHERE = re.compile(r"[a-z]+:.*|#.*")


def written_tests() -> set[str]:
    folders = ("unit", "integration", "e2e")
    sources = (one.read_text() for folder in folders for one in (ROOT / "tests" / folder).rglob("test_*.py"))
    return {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}


def rows_of(heading: str, document: str = SECURITY) -> Iterator[list[str]]:
    """The cells of each row of the table below a heading, without its head."""
    section = document.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    yield from ([cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:])


def actions_of(function: str) -> set[str]:
    policies = [one["Fn::If"][1] if "Fn::If" in one else one for one in FUNCTIONS[function]["Properties"]["Policies"]]
    allowed = (one for policy in policies for one in policy["Statement"] if one["Effect"] == "Allow")
    given: list[Any] = [statement["Action"] for statement in allowed]
    actions = {action for one in given for action in (one if isinstance(one, list) else [one])}
    return {action for action in actions if not OF_EVERY_FUNCTION.fullmatch(action)}


@pytest.mark.parametrize("document", [SECURITY, RELEASE_LANES], ids=["threat-model", "release-lanes"])
def test_every_test_that_a_document_names_exists(document: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", document))

    assert len(named) > 30
    assert named - written_tests() == set()


def test_every_point_of_the_checklist_names_what_is_done_how_and_what_shows_it() -> None:
    rows = list(rows_of("The checklist of a careful team", RELEASE_LANES))

    assert {len(row) for row in rows} == {4}
    assert not [row[0] for row in rows if "" in row or "`test_" not in row[3]]


def test_every_gate_is_told_with_whether_it_can_be_skipped() -> None:
    told = {row[0].strip("`"): row[2] == "yes" for row in rows_of("The gates", RELEASE_LANES)}

    assert told == {name: name in SKIPPABLE for name in (READY, SOAK, CHECKS, RUNS, DATA, HOLD)}


def test_every_payload_in_the_document_asks_what_dagbranch_knows() -> None:
    blocks = re.findall(r"<<'END'\n(.*?)\nEND\n", RELEASE_LANES, re.DOTALL)
    payloads = [json.loads(block).get("payload", {}) for block in blocks]
    payloads += [json.loads(found) for found in re.findall(r'`(\{"dagbranch": .*?\})`', RELEASE_LANES)]

    assert len(payloads) > 7
    assert not [payload for payload in payloads if read_wish(payload)[1]]


def test_the_lanes_of_the_document_are_read_and_none_is_less_strict_than_the_one_before() -> None:
    (block,) = re.findall(r"```yaml\n(version.*?)```", RELEASE_LANES, re.DOTALL)

    dags = {"dags/test_dag.py": b"from airflow import DAG\n\nDAG('qu.test_dag')\n"}
    findings = check_pipelines({**dags, "dagbranch.yaml": block.encode()})

    assert (findings.errors, findings.warnings) == ([], [])


@pytest.mark.parametrize("deed", get_args(Deed.__value__))
def test_every_deed_that_the_audit_knows_is_told(deed: str) -> None:
    assert re.search(rf"(?i)\b{deed}\b", RELEASE_LANES.partition("\n## Who did what\n")[2].partition("\n## ")[0])


def test_every_threat_names_what_shows_that_it_is_stopped() -> None:
    rows = list(rows_of("Who tries what"))

    assert {len(row) for row in rows} == {4}
    assert not [row[1] for row in rows if "`test_" not in row[3]]


def test_the_table_of_permissions_is_the_templates() -> None:
    told = {
        row[0].strip("`"): set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", row[1]))
        for row in rows_of("What each function may do")
    }

    assert told == {function: actions_of(function) for function in FUNCTIONS}


def test_every_secret_is_told_with_all_who_read_it() -> None:
    told = {row[1].split("`")[1]: set(re.findall(r"`(\w+)`", row[2])) for row in rows_of("Where secrets are")}

    granted = {parameter: {name for name, one in FUNCTIONS.items() if may_read(one, parameter)} for parameter in told}

    assert told == granted


def may_read(function: dict[str, Any], parameter: str) -> bool:
    statements = function["Properties"]["Policies"][0]["Statement"]
    return any({"Ref": parameter} in one["Resource"] for one in statements if isinstance(one["Resource"], list))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_table_for_users(command: str) -> None:
    assert f"| `/dagbranch {command}" in PULL_REQUESTS


@pytest.mark.parametrize("key", Previews.model_fields)
def test_every_key_of_who_gets_an_environment_is_told(key: str) -> None:
    assert f"| `{key}` |" in PULL_REQUESTS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.name)
def test_what_a_document_leads_to_is_there(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^()\s]+)\)", text) if not ELSEWHERE.fullmatch(link)]

    assert not [link for link in links if not (document.parent / link.partition("#")[0]).exists()]
    assert not [link for link in links if not leads_to_a_heading(document.parent / link.partition("#")[0], link)]


@pytest.mark.parametrize("drawing", sorted((ROOT / "docs/images").glob("*.svg")), ids=lambda one: one.name)
def test_a_drawing_is_well_formed(drawing: Path) -> None:
    described = ET.fromstring(drawing.read_text())

    assert described.find("{http://www.w3.org/2000/svg}desc") is not None


def leads_to_a_heading(target: Path, link: str) -> bool:
    """By GitHub's own rule for a heading's address."""
    anchor = link.partition("#")[2]
    headings = re.findall(r"^#+ (.+)$", target.read_text(), flags=re.MULTILINE) if anchor else []
    return not anchor or anchor in {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
