"""The local stack with proxies in it, a repository, and one environment that stands beside all that is disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dagbranch.domain.environments import Environment, Status
from local.airflow.configuration import Line
from local.certificates import Certificates, make_certificates
from local.demo import observation
from local.faults.between import Hastened, Proxies
from local.faults.pipelines import REPOSITORY, SCHEMA, make_base, make_repository, open_unheard
from local.github import Pull, Repository
from local.lane import Intervals
from local.processes import wait_until
from local.stack import LocalStack, local_stack
from local.warehouse.process import LocalWarehouse

_NEIGHBOUR: Final = "neighbour"
_DEADLINE_SECONDS: Final = 240


@dataclass(frozen=True)
class Stand:
    stack: LocalStack
    proxies: Proxies
    repository: Repository

    def record(self, pull: Pull) -> Environment | None:
        return observation.registered(self.stack, self.repository.id, pull.number)

    def deliver(self, pull: Pull) -> None:
        """Sends the last webhook that was withheld of this pull request; GitHub does not mind what comes of it."""
        last = [one for one in self.stack.github.deliveries if one.payload.get("number") == pull.number][-1]
        self.stack.github.redeliver(last.id)

    def neighbour(self) -> object:
        """All that there is of the environment that nothing is done to."""
        head = self.stack.aws.client("s3").head_object(Bucket=self.stack.dags_bucket, Key=f"dags/{_NEIGHBOUR}.zip")
        dags = [dag.dag_id for dag in observation.dags(self.stack, _NEIGHBOUR) if dag.is_active]
        schemas = observation.schemas(self.stack, _NEIGHBOUR)
        return head["ETag"], head["VersionId"], dags, schemas, rows(self.stack, _NEIGHBOUR)

    def is_quiet(self) -> bool:
        """Whether no message waits, is worked on, or comes back later in any queue that is worked off."""
        sqs = self.stack.aws.client("sqs")
        numbers = ["", "NotVisible", "Delayed"]
        names = [f"ApproximateNumberOfMessages{kind}" for kind in numbers]
        queues = [url for url in sqs.list_queues()["QueueUrls"] if "Queue" in url.rpartition("/")[2]]
        found = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] for url in queues]
        return not any(int(count) for counts in found for count in counts.values())


@contextmanager
def fault_stand(
    folder: Path,
    *,
    held_seconds: float,
    line: Line = "3",
    door: str = "auto",
    certificates: Certificates | None = None,
    warehouse: LocalWarehouse | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Stand]:
    """``held_seconds``: how long a request that times out is held at most; ``door``: the stack's AirflowDoor."""
    certificates = certificates or make_certificates(folder / "certificates")
    with (
        Proxies(certificates, held_seconds=held_seconds) as proxies,
        local_stack(
            folder,
            line=line,
            allowed_repositories=REPOSITORY,
            parameters={
                "AirflowDoor": door,
                "FollowBaseHour": str((datetime.now(UTC).hour + 12) % 24),
                "RemovalSettleSeconds": "20",
                "SweepSchedule": "rate(1 day)",  # a sweep that nobody asked for would hide what it mended
            },
            intervals=Intervals(sync_seconds=3, scan_seconds=5),
            certificates=certificates,
            warehouse=warehouse,
            between=proxies,
            progress=progress,
        ) as stack,
    ):
        make_base(stack.warehouse)
        repository = make_repository(stack.github)
        proxies.hasten = Hastened(stack.aws.client, stack.outputs["RegistryTableName"], repository.id)
        stand = Stand(stack, proxies, repository)
        progress("one environment that nothing is done to")
        pull = open_unheard(repository, _NEIGHBOUR)
        stand.deliver(pull)
        wait_until(lambda: is_ready(stand, pull), what="the neighbour", deadline_seconds=_DEADLINE_SECONDS)
        yield stand


def is_ready(stand: Stand, pull: Pull) -> bool:
    found = stand.record(pull)
    return found is not None and (found.status, found.head_sha) == (Status.READY, pull.head_sha)


def is_removed(stand: Stand, pull: Pull) -> bool:
    found = stand.record(pull)
    return found is not None and found.status == Status.REMOVED


def rows(stack: LocalStack, environment: str) -> list[tuple[Any, ...]]:
    """Of the table that the environment writes."""
    schema = f"{SCHEMA}_{environment}"
    return stack.warehouse.query(f"SELECT id, CAST(day AS STRING) FROM {schema}.m_written ORDER BY ALL")
