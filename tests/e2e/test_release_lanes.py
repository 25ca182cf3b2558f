"""From merge to production on two lanes, each a deployed stack with an Airflow: gates, rollback, canary, forgery."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import dagbranch
from dagbranch.domain import gates
from dagbranch.domain.environments import Status
from dagbranch.domain.naming import commit_tag
from local.aws import permissions
from local.aws.ministack import ACCOUNT, REGION
from local.certificates import Certificates
from local.lane import Intervals
from local.lanes import LocalLanes, local_lanes
from local.stack import LocalStack
from local.warehouse.process import LocalWarehouse
from tests.e2e.release_story import ALL_CLEAR, EXTRA, HOT_FIX, Story, tell
from tests.e2e.releases import DATA_CHECK, HASHED, RELEASER, REPOSITORY, RUN, STRANGER, Asked, Stands, open_shop
from tests.e2e.tampering import KINDS, Refused, replace_zip, spoil, tamper

LAYER = Path(dagbranch.__file__).parents[1]
DENIED = {"AccessDenied", "AccessDeniedException"}


@pytest.fixture(scope="module")
def lanes(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates, warehouse: LocalWarehouse
) -> Iterator[LocalLanes]:
    given = {"Releasers": RELEASER, "ReadableSourceSuffixes": "_live"}
    with local_lanes(
        tmp_path_factory.mktemp("lanes"),
        allowed_repositories=REPOSITORY,
        parameters={"stage": given, "prod": given},
        intervals=Intervals(sync_seconds=3, scan_seconds=5),
        certificates=certificates,
        warehouse=warehouse,
    ) as running:
        try:
            yield running
        finally:
            _empty(warehouse)


@pytest.fixture(scope="module")
def story(lanes: LocalLanes) -> Story:
    return tell(open_shop(lanes))


@pytest.fixture(scope="module")
def swept(story: Story) -> Stands:
    """After all of the story: what stands in prod when somebody has put another zip there, and a sweep has been."""
    return replace_zip(story.shop, story.last.prod.record.head_sha)


@pytest.fixture(scope="module")
def spoiled(story: Story, swept: Stands) -> Asked:
    """After that: going back to an archive that somebody has changed."""
    return spoil(story.shop, story.newer.prod.record.head_sha)


@pytest.fixture(scope="module")
def forged(story: Story, spoiled: Asked) -> dict[str, Refused]:
    """After that, with what stands at its end."""
    shop = story.shop
    return tamper(shop, story.last.prod.record.head_sha, story.newer.prod.record.head_sha)


@pytest.fixture(scope="module")
def audits(story: Story, forged: dict[str, Refused]) -> dict[str, list[dict[str, Any]]]:
    return {name: _history(story, name) for name in ("stage", "prod")}


def test_a_merge_stands_in_stage_with_ids_and_schedules_as_they_were_written(story: Story) -> None:
    stands = story.first.stage

    assert stands.record.name == "stage_shop"
    assert stands.dag_ids == [RUN]
    assert [dag.schedule in {"@daily", "0 0 * * *"} for dag in stands.dags] == [True]
    assert commit_tag(story.first.sha) in stands.dags[0].tags


def test_stage_sees_masked_data_in_schemas_of_its_own(story: Story) -> None:
    ada, bo = HASHED.values()

    assert story.first.customers == [(1, ada), (2, bo)]
    assert story.first.contacts == [(ada,)]


def test_a_deployment_that_comes_early_waits_and_is_told_every_gate_and_its_outcome(story: Story) -> None:
    early = story.early

    assert _outcomes(early.gates) == {
        gates.READY: "passed",
        gates.SOAK: "not yet",
        gates.CHECKS: "not yet",
        gates.RUNS: "not yet",
        gates.DATA: "not yet",
        gates.HOLD: "passed",
    }
    assert all(gate in early.description for gate in (gates.SOAK, gates.CHECKS, gates.RUNS))


def test_a_deployment_is_refused_where_a_data_check_finds_rows(story: Story) -> None:
    refused = story.refused

    assert {gate for gate, outcome in _outcomes(refused.gates).items() if outcome != "passed"} == {gates.DATA}
    assert f"{gates.DATA}, {DATA_CHECK} found rows" in refused.description
    assert story.waited.prod is None


def test_a_strangers_deployment_is_ignored(story: Story) -> None:
    assert story.waited.strangers == ()


def test_a_workflows_deployment_counts_once_its_reviewers_have_agreed(story: Story) -> None:
    assert story.waited.workflows == ("waiting",)
    assert story.promoted.asked.state == "success"


@pytest.mark.parametrize("which", ["promoted", "newer", "last"])
def test_the_same_bytes_run_in_both_lanes(story: Story, which: str) -> None:
    seen = getattr(story, which)

    assert seen.prod.zip_sha256 == seen.stage.zip_sha256
    assert seen.prod.record.source_digest == seen.stage.record.source_digest
    assert seen.prod.record.promotion.zip_sha256 == seen.prod.zip_sha256


def test_prod_runs_the_dags_as_they_were_written_and_makes_no_data(story: Story) -> None:
    prod = story.promoted.prod

    assert prod.record.name == "prod_shop"
    assert prod.dag_ids == [RUN]
    assert story.tried.schemas_left == ["sales_live", "sales_stage"]


def test_a_hot_fix_skips_the_gates_that_it_names(story: Story) -> None:
    outcomes = _outcomes(story.newer.asked.gates)

    assert {gate for gate, outcome in outcomes.items() if outcome == "skipped"} == {gates.SOAK, gates.RUNS}
    assert story.newer.prod.dag_ids == [RUN, EXTRA]


def test_a_rollback_leaves_no_dag_that_only_the_newer_commit_had(story: Story) -> None:
    back = story.back

    assert back.asked.state == "success"
    assert back.prod.dag_ids == [RUN]
    assert back.prod.zip_sha256 == story.promoted.prod.zip_sha256
    assert back.seconds < 120  # a minute on a machine that does nothing else


def test_a_rollback_is_held_against_what_comes_by_itself_until_somebody_releases_it(story: Story) -> None:
    held = story.held

    assert story.back.prod.record.held is not None
    assert (held.after.status, held.after.head_sha) == (Status.READY, story.first.sha)
    assert held.refused.state == "failure"
    assert gates.HOLD in held.refused.description
    assert held.released.record.head_sha == held.candidate
    assert held.released.record.held is None


def test_a_canary_stands_beside_the_current_one_with_schemas_of_its_own_and_no_schedule(story: Story) -> None:
    tried = story.tried

    assert tried.canary.record.name == "prod_shop_next"
    assert tried.canary.dag_ids == ["qu.next.contacts", "qu.next.extra"]
    assert {dag.schedule for dag in tried.canary.dags} <= {None, "None", "Never, external triggers only"}
    assert tried.schemas == ["sales_live", "sales_live_next", "sales_stage"]
    assert tried.beside.dag_ids == [RUN, EXTRA]
    assert tried.beside.record.head_sha == story.held.candidate


def test_a_dropped_canary_leaves_nothing(story: Story) -> None:
    assert story.tried.left == ()
    assert story.tried.dropped.status == Status.REMOVED


def test_a_zip_that_somebody_has_replaced_is_put_right_by_the_sweep_and_told(
    story: Story, swept: Stands, audits: dict[str, list[dict[str, Any]]]
) -> None:
    last = story.last.prod

    assert swept.zip_sha256 == last.zip_sha256
    assert swept.dag_ids == last.dag_ids
    (repaired,) = [entry for entry in audits["prod"] if entry["deed"] == "repaired"]
    assert (repaired["by"], repaired["head_sha"]) == ("dagbranch", last.record.head_sha)


def test_an_archive_whose_bytes_were_changed_is_never_deployed(
    story: Story, spoiled: Asked, audits: dict[str, list[dict[str, Any]]]
) -> None:
    sha = story.newer.prod.record.head_sha

    assert "was changed" in spoiled.description
    assert [entry["details"] for entry in audits["prod"] if (entry["deed"], entry["head_sha"]) == ("refused", sha)]
    assert story.shop.record(story.shop.prod).head_sha == story.last.prod.record.head_sha


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_was_not_promoted_so_is_refused(
    story: Story, forged: dict[str, Refused], audits: dict[str, list[dict[str, Any]]], kind: str
) -> None:
    refused = forged[kind]

    sha = story.last.prod.record.head_sha
    stands = story.shop.stands(story.shop.prod, sha)
    assert stands.zip_sha256 == story.last.prod.zip_sha256
    assert any(entry["deed"] == "refused" and refused.reason in entry["details"] for entry in audits["prod"])


def test_the_history_of_prod_tells_who_did_what_by_which_digest(
    story: Story, audits: dict[str, list[dict[str, Any]]]
) -> None:
    told = [(entry["deed"], entry["by"], entry["head_sha"]) for entry in reversed(audits["prod"])]
    first, newer, candidate, last = (
        stands.record.head_sha
        for stands in (story.promoted.prod, story.newer.prod, story.held.released, story.last.prod)
    )

    assert story.shop.stage.app is not None
    wanted = [
        ("deployed", STRANGER, first),  # who may start a workflow that others agree to
        ("deployed", RELEASER, newer),
        ("held", RELEASER, first),
        ("rolled back", RELEASER, first),
        ("deployed", "dagbranch", first),
        ("released", RELEASER, first),
        ("deployed", story.shop.stage.app.login, candidate),
        ("canary", RELEASER, last),
        ("dropped", RELEASER, last),
        ("deployed", RELEASER, last),
    ]
    assert [one for one in told if one[0] != "refused"][: len(wanted)] == wanted
    assert all(entry["source_digest"] for entry in audits["prod"] if entry["deed"] in {"deployed", "rolled back"})
    assert any(ALL_CLEAR in entry["details"] for entry in audits["prod"] if entry["deed"] == "released")


def test_the_history_of_stage_tells_what_was_promoted_refused_and_skipped_and_why(
    story: Story, audits: dict[str, list[dict[str, Any]]]
) -> None:
    told = [(entry["deed"], entry["head_sha"]) for entry in reversed(audits["stage"])]

    assert ("deployed", story.first.sha) in told
    assert told.index(("refused", story.first.sha)) < told.index(("promoted", story.first.sha))
    (hot_fix,) = [
        entry
        for entry in audits["stage"]
        if (entry["deed"], entry["head_sha"]) == ("promoted", story.newer.prod.record.head_sha)
    ]
    assert hot_fix["by"] == RELEASER
    assert all(word in hot_fix["details"] for word in (gates.SOAK, gates.RUNS, HOT_FIX))


@pytest.mark.parametrize(("whose", "others"), [("stage", "prod"), ("prod", "stage")])
def test_no_role_of_one_lane_reads_what_is_the_others(lanes: LocalLanes, whose: str, others: str) -> None:
    own, other = getattr(lanes, whose), getattr(lanes, others)

    allowed = [
        (role.rpartition("/")[2], what)
        for role in _roles(own)
        for what, asked in _reads(own, role, other).items()
        if not _is_denied(asked)
    ]

    assert allowed == []


@pytest.mark.parametrize(("whose", "others"), [("stage", "prod"), ("prod", "stage")])
def test_no_role_of_one_lane_reaches_the_others_airflow(lanes: LocalLanes, whose: str, others: str) -> None:
    own = getattr(lanes, whose)
    iam, airflow = own.aws.client("iam"), f"arn:aws:airflow:{REGION}:{ACCOUNT}"
    asked = {
        "airflow:CreateCliToken": f"{airflow}:environment/{others}",
        "airflow:InvokeRestApi": f"{airflow}:role/{others}/Op",
    }

    allowed = [
        (role, action)
        for role in _roles(own)
        for action, resource in asked.items()
        if permissions.allows(iam, role, action, resource)
    ]

    assert allowed == []


def test_only_one_role_of_stage_puts_into_prods_bucket_and_only_what_is_promoted(lanes: LocalLanes) -> None:
    bucket, promoting = lanes.prod.outputs["SourceBucketName"], lanes.stage.outputs["PromoteReleaseRoleArn"]

    def put(role: str, key: str) -> Callable[[], object]:
        s3 = lanes.stage.aws.client_of(role, "s3")
        return lambda: s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    others = [role for role in _roles(lanes.stage) if role != promoting]
    assert [role for role in others if not _is_denied(put(role, "sources/zalando/shop/release/x"))] == []
    assert _is_denied(put(promoting, "elsewhere"))
    assert _is_denied(put(promoting, "sources/zalando/shop/pull/1/x"))


def test_no_secret_is_in_any_log_of_either_lane(lanes: LocalLanes, audits: dict[str, list[dict[str, Any]]]) -> None:
    leaks = [
        (log.name, secret[:4])
        for lane in (lanes.stage, lanes.prod)
        for log in lane.deployed.logs.glob("*.log")
        for secret in lanes.secrets
        if secret in log.read_text(errors="replace")
    ]

    assert leaks == []


def _outcomes(table: str) -> dict[str, str]:
    """Of each gate, out of the check's table in Markdown."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    return {row[0].strip("`"): row[1].partition(" ")[2] for row in rows if row[0].startswith("`")}


def _history(story: Story, lane: str) -> list[dict[str, Any]]:
    """As somebody with read access asks on a command line."""
    stack: LocalStack = getattr(story.shop.lanes, lane)
    command = [
        "-m",
        "dagbranch.cli",
        "history",
        "--lane",
        lane,
        "--table",
        stack.outputs["RegistryTableName"],
        "--json",
    ]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(LAYER), **stack.aws.environment()}
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    entries: list[dict[str, Any]] = json.loads(done.stdout)["entries"]
    return entries


def _roles(lane: LocalStack) -> list[str]:
    """Of all functions."""
    resources, aws_lambda = lane.deployed.resources, lane.aws.client("lambda")
    functions = {key.removesuffix("Role") for key in resources if key.endswith("Role")} & resources.keys()
    return [aws_lambda.get_function_configuration(FunctionName=resources[one])["Role"] for one in sorted(functions)]


def _reads(lane: LocalStack, role: str, other: LocalStack) -> dict[str, Callable[[], object]]:
    """What the lane's role is to be denied of the other one's, with ways to try it."""
    clients = {name: lane.aws.client_of(role, name) for name in ("secretsmanager", "s3", "dynamodb", "sqs", "events")}
    prefix, s3 = f"{other.deployed.name}/", clients["s3"]
    source, table = other.outputs["SourceBucketName"], other.outputs["RegistryTableName"]
    key = {"pk": {"S": "x"}, "sk": {"S": "state"}}
    secret = clients["secretsmanager"].get_secret_value
    return {
        **{name: partial(secret, SecretId=prefix + name) for name in ("webhook", "github", "databricks")},
        "list of sources": lambda: s3.list_objects_v2(Bucket=source),
        "source": lambda: s3.get_object(Bucket=source, Key=_any_key(other, source)),
        "packaged DAG": lambda: s3.get_object(Bucket=other.dags_bucket, Key=_any_key(other, other.dags_bucket)),
        "registry": lambda: clients["dynamodb"].get_item(TableName=table, Key=key),
        "registry's writing": lambda: clients["dynamodb"].put_item(TableName=table, Item=key),
        "queue": lambda: clients["sqs"].receive_message(QueueUrl=other.outputs["SweepQueueUrl"]),
    }


def _any_key(lane: LocalStack, bucket: str) -> str:
    listed = lane.aws.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    return str(listed[0]["Key"]) if listed else "none"


def _is_denied(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except ClientError as error:
        return error.response["Error"]["Code"] in DENIED
    return False


def _empty(warehouse: LocalWarehouse) -> None:
    """It is shared with other stacks."""
    for (schema,) in warehouse.query("SHOW SCHEMAS"):
        if schema.startswith("sales"):
            warehouse.query(f"DROP SCHEMA `{schema}` CASCADE")
