"""The registry and the buckets while AWS fails in ways that botocore does not tell its callers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.s3_objects import BucketObjects
from dagbranch.domain.environments import Environment, Status
from dagbranch.errors import TransientUpstreamError
from local.aws.ministack import Ministack
from local.aws.runtime_api import Answer
from local.aws.sandbox import Function
from local.certificates import Certificates
from local.faults.callers import Callers
from local.faults.injector import Injector
from local.faults.kinds import Fault, Kind, Step
from local.faults.proxy import Proxy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORD = Environment(
    repository_id=1,
    repository="zalando/pipelines",
    pull_number=7,
    lane="preview",
    status=Status.REQUESTED,
    head_sha="0" * 40,
    branch="feature1",
    updated_at=NOW,
    requested_at=NOW,
    generation=1,
)
FUNCTION = Function("F", "F", "arn", "role", "eu-central-1", "app.lambda_handler", 60, 512, Path())
WRITE = "TransactWriteItems Put state requested"


@dataclass(frozen=True)
class Aws:
    registry: DynamoDbRegistry
    objects: BucketObjects
    injector: Injector
    callers: Callers

    def meets[T](self, upstream: str, operation: str, kind: Kind, work: Callable[[], T]) -> T:
        """The work of one invocation in which this goes wrong."""
        fault = Fault(Step("deploy", "F", upstream, operation, 1), kind)
        self.injector.plan("deploy", [fault], pulls=[7], per_function=1)
        self.callers.began(os.getpid(), FUNCTION, "request", b'{"pull_number": 7}')
        try:
            return work()
        finally:
            self.callers.ended(os.getpid(), Answer(ok=True, payload=b"null"))
            assert [one.fault.kind for one in self.injector.injected] == [kind]


@pytest.fixture
def aws(emulator: Ministack, certificates: Certificates, request: pytest.FixtureRequest) -> Iterator[Aws]:
    name = f"faults-{abs(hash(request.node.name))}"
    _make(emulator, name)
    callers = Callers()
    injector = Injector(callers)
    proxies = {
        service: Proxy(
            service, emulator.endpoint, certificates=certificates, callers=callers, injector=injector, held_seconds=1
        )
        for service in ("dynamodb", "s3")
    }
    told = emulator.environment()
    session: Any = boto3.Session(told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"], region_name="eu-central-1")
    clients = {}
    for service, proxy in proxies.items():
        proxy.start()
        clients[service] = session.client(service, endpoint_url=proxy.address, verify=str(certificates.authority))
    yield Aws(DynamoDbRegistry(clients["dynamodb"], name), BucketObjects(clients["s3"], name), injector, callers)
    for proxy in proxies.values():
        proxy.stop()


def _make(emulator: Ministack, name: str) -> None:
    emulator.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    emulator.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.RUBBISH])
def test_an_answer_that_is_not_whole_is_never_an_empty_one(aws: Aws, kind: Kind) -> None:
    aws.registry.claim(RECORD, ["feature1"], event="requested")

    with pytest.raises(TransientUpstreamError):
        aws.meets("dynamodb", "GetItem state", kind, lambda: aws.registry.get(1, 7))


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.RUBBISH])
def test_objects_whose_listing_is_not_whole_are_not_taken_for_gone(aws: Aws, kind: Kind) -> None:
    aws.objects.put("dags/feature1.zip", b"zip", {})

    with pytest.raises(TransientUpstreamError):
        aws.meets("s3", "LIST VERSIONS dags", kind, lambda: list(aws.objects.versions("dags/")))


def test_what_is_no_answer_of_s3_tells_nothing_of_a_marker(aws: Aws) -> None:
    aws.objects.put("dags/feature1.zip", b"zip", {"repository": "zalando/pipelines"})

    with pytest.raises(TransientUpstreamError):
        aws.meets("s3", "HEAD zip", Kind.RUBBISH, lambda: aws.objects.marker("dags/feature1.zip"))


def test_a_throttled_question_for_a_marker_passes(aws: Aws) -> None:
    """HEAD has no body, and so no code but the status."""
    with pytest.raises(TransientUpstreamError):
        aws.meets("s3", "HEAD zip", Kind.THROTTLED, lambda: aws.objects.marker("dags/feature1.zip"))


def test_a_throttled_write_is_left_to_the_queue_and_not_tried_as_one_that_lost_a_race(aws: Aws) -> None:
    saved = aws.registry.claim(RECORD, ["feature1"], event="requested")

    with pytest.raises(TransientUpstreamError):
        aws.meets(
            "dynamodb", WRITE, Kind.THROTTLED, lambda: aws.registry.update(saved, lambda newest: newest, event="")
        )

    assert aws.injector.requests < 12


def test_an_update_whose_answer_is_lost_is_made_once_more_on_what_is_true_now(aws: Aws) -> None:
    saved = aws.registry.claim(RECORD, ["feature1"], event="requested")

    updated = aws.meets(
        "dynamodb", WRITE, Kind.LOST, lambda: aws.registry.update(saved, lambda newest: newest, event="")
    )

    assert aws.registry.get(1, 7) == updated
