"""A repository whose commits go from merge to production on two lanes, and how to ask for that and wait for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from dagbranch.adapters.dynamodb_releases import DynamoDbReleases
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.releases import Release
from local.demo import observation
from local.demo.dag_runs import trigger
from local.github import Deployment, Repository
from local.lanes import LocalLanes
from local.processes import wait_until
from local.stack import LocalStack

REPOSITORY: Final = "zalando/shop"
RELEASER, STRANGER = "rae-releaser", "dana-developer"
DEADLINE_SECONDS: Final = 240
SOAK: Final = timedelta(hours=1)
NAMES: Final = {RELEASE: "{}_shop", CANARY: "{}_shop_next"}
BASE = (
    "CREATE SCHEMA sales_live",
    "CREATE TABLE sales_live.m_customers (id BIGINT, email STRING, country STRING) USING parquet",
    """INSERT INTO sales_live.m_customers VALUES (1, "ada@acme.example", "DE"), (2, "bo@acme.example", NULL)""",
    "CREATE TABLE sales_live.m_contacts (email STRING, day DATE) USING parquet PARTITIONED BY (day)",
    """INSERT INTO sales_live.m_contacts VALUES ("ada@acme.example", DATE"2026-01-02")""",
)
HASHED = {email: hashlib.sha256(email.encode()).hexdigest() for email in ("ada@acme.example", "bo@acme.example")}
MENDED = 'INSERT OVERWRITE sales_live.m_customers VALUES (1, "ada@acme.example", "DE"), (2, "bo@acme.example", "FR")'
CHECK, RUN, DATA_CHECK = "tests", "qu.contacts", "every_customer_has_a_country"

_DECLARED = """\
version: 1
data:
  source_suffix: _test
  schemas:
    sales:
      read: [m_customers]
      write:
        m_contacts: {{seed: all}}
      mask:
        m_customers: {{email: hash}}
        m_contacts: {{email: hash}}
lanes:
  stage: {{retries: 1, source_suffix: _live, table_suffix: _stage, src_conn: warehouse_stage}}
  prod:
    retries: 3
    table_suffix: _live
    src_conn: warehouse_prod
    promotion:
      auto: {auto}
      soak: {soak}
      checks: [tests]
      runs: {runs}
      data_checks:
        every_customer_has_a_country: SELECT id FROM sales.m_customers WHERE country IS NULL
"""
_DAG = """\
from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("{dag_id}", schedule="{schedule}"):
    EmptyOperator(task_id="nothing")
# {about}
"""


def declared(*, auto: bool = False, at_once: bool = False) -> dict[str, bytes]:
    """The repository's dagbranch.yaml: whether a commit comes to prod by itself, or without waiting and runs."""
    soak, runs = ("0", "[]") if at_once else (f"{SOAK.seconds}s", f"[{RUN}]")
    return {"dagbranch.yaml": _DECLARED.format(auto=str(auto).lower(), soak=soak, runs=runs).encode()}


def dag(dag_id: str, about: str, schedule: str = "@daily") -> dict[str, bytes]:
    return {f"dags/{dag_id.replace('.', '/')}.py": _DAG.format(dag_id=dag_id, schedule=schedule, about=about).encode()}


@dataclass(frozen=True)
class Stands:
    """What stands of a repository in one lane: its record, what the lane's Airflow lists, and the zip's sha256."""

    record: Environment
    dags: tuple[observation.Dag, ...]
    zip_sha256: str

    @property
    def dag_ids(self) -> list[str]:
        return [dag.dag_id for dag in self.dags]


@dataclass(frozen=True)
class Asked:
    """A deployment as it stood when it was answered; ``gates``: its commit's check of them, in Markdown."""

    state: str
    description: str
    gates: str
    states: tuple[str, ...]  # oldest first


@dataclass(frozen=True)
class Shop:
    lanes: LocalLanes
    repository: Repository

    @property
    def stage(self) -> LocalStack:
        return self.lanes.stage

    @property
    def prod(self) -> LocalStack:
        return self.lanes.prod

    def merge(self, branch: str, changes: Mapping[str, bytes]) -> str:
        """A pull request that is merged at once; the sha of what is then the default branch's head."""
        self.repository.commit(branch, dict(changes), f"What {branch} is about", start_from="main")
        self.repository.open_pull(branch, f"What {branch} is about").close(merged=True)
        return self.repository.branch_sha("main")

    def deploy(self, sha: str, *, by: str = RELEASER, **wish: object) -> Deployment:
        """As by ``gh api repos/zalando/shop/deployments``, for prod."""
        return self.repository.deploy(sha, "prod", by=by, payload={"dagbranch": wish} if wish else "")

    def answered(self, deployment: Deployment, state: str) -> Asked:
        """As soon as the deployment has this state, by GitHub's word."""
        self.wait(lambda: deployment.state == state, f"the deployment of {deployment.shown.sha[:7]} is {state}")
        gates = self.repository.checks(deployment.shown.sha).get("dagbranch/prod gates")
        states = tuple(one.state for one in deployment.history)
        return Asked(deployment.state, deployment.description, (gates.summary or "") if gates else "", states)

    def stands(self, lane: LocalStack, sha: str, number: int = RELEASE) -> Stands:
        """As soon as the commit is ready in the lane."""
        self.wait(lambda: self._is_ready(lane, sha, number), f"{sha[:7]} is ready in {lane.deployed.name}")
        record = self.record(lane, number)
        dags = observation.dags(lane, record.claimed_name)
        return Stands(record, tuple(dags), self.zip_sha256(lane, record.claimed_name))

    def record(self, lane: LocalStack, number: int = RELEASE) -> Environment:
        found = observation.registered(lane, self.repository.id, number)
        assert found is not None
        return found

    def zip_sha256(self, lane: LocalStack, name: str) -> str:
        """Of the bytes that lie in the lane's bucket."""
        answer = lane.aws.client("s3").get_object(Bucket=lane.dags_bucket, Key=f"dags/{name}.zip")
        return hashlib.sha256(answer["Body"].read()).hexdigest()

    def let_soak(self, sha: str) -> None:
        """As if it had been ready in stage for as long as it has to be."""
        self.wait_until_quiet()  # who writes to the ledger meanwhile would come to nothing
        ledger, release = self._ledger(self.stage), self.release(self.stage, sha)
        assert release.ready_at is not None
        ledger.save(replace(release, ready_at=release.ready_at - SOAK))

    def release(self, lane: LocalStack, sha: str) -> Release:
        found = self._ledger(lane).get(self.repository.id, sha)
        assert found is not None
        return found

    def run_in_stage(self, dag_id: str) -> None:
        """A successful run by hand; as on MWAA, what is new is paused."""
        status, answer = self.stage.airflow.api("PATCH", f"/dags/{dag_id}", body={"is_paused": False})
        assert status == 200, answer
        assert trigger(self.stage, dag_id).wait() == "success"

    def tick(self, lane: LocalStack) -> None:
        """What ReleaseSchedule does."""
        lane.aws.client("sqs").send_message(QueueUrl=lane.outputs["PromoteReleaseQueueUrl"], MessageBody="{}")

    def wait_until_quiet(self) -> None:
        """No message waits, is worked on, or comes back later in any queue that is worked off, of either lane."""
        self.wait(lambda: not any(map(self._is_busy, self._queues())), "all work is done")

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what=what, deadline_seconds=DEADLINE_SECONDS, every_seconds=0.5)

    def _is_ready(self, lane: LocalStack, sha: str, number: int) -> bool:
        found = observation.registered(lane, self.repository.id, number)
        if found is None or found.head_sha != sha:
            return False
        assert found.status != Status.FAILED, f"{lane.deployed.name}: {found.message}"
        return found.status == Status.READY

    def _ledger(self, lane: LocalStack) -> DynamoDbReleases:
        return DynamoDbReleases(lane.aws.client("dynamodb"), lane.outputs["RegistryTableName"])

    def _queues(self) -> list[str]:
        listed: list[str] = self.stage.aws.client("sqs").list_queues()["QueueUrls"]
        return [url for url in listed if "Queue" in url.rpartition("/")[2]]

    def _is_busy(self, url: str) -> bool:
        numbers = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        counts: dict[str, Any] = self.stage.aws.client("sqs").get_queue_attributes(
            QueueUrl=url, AttributeNames=numbers
        )["Attributes"]
        return any(int(counts[number]) for number in numbers)


def open_shop(lanes: LocalLanes) -> Shop:
    """The base in the warehouse, and the repository with its first DAG, of which no lane has heard yet."""
    for statement in BASE:
        lanes.stage.warehouse.query(statement)
    files = {"README.md": b"# Shop\n", **declared(), **dag("qu.contacts", "the beginning")}
    repository = lanes.stage.github.create_repository(REPOSITORY, files)
    repository.give(RELEASER, "write")
    return Shop(lanes, repository)
