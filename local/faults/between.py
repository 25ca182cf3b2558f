"""The proxies before all that the functions reach, as the local stack takes them, and the waiting that is cut short."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final, Self
from urllib.parse import urlsplit

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.dynamodb_items import wire
from dagbranch.adapters.dynamodb_leases import item_key
from dagbranch.domain.environments import Environment, Lease
from dagbranch.domain.naming import report_lease
from local.aws.runtime_api import Answer
from local.certificates import Certificates
from local.faults.callers import Callers, Invocation
from local.faults.injector import Injector
from local.faults.journal import Journal, is_done
from local.faults.proxy import Proxy

_AWS: Final = {
    "s3": "S3",
    "dynamodb": "DYNAMODB",
    "events": "EVENTBRIDGE",
    "sqs": "SQS",
    "secretsmanager": "SECRETS_MANAGER",
}
_TOLD: Final = frozenset({"github", "mwaa-cli"})  # whose addresses others' answers name
_TELLERS: Final = frozenset({"github", "mwaa"})


class Proxies:
    """What ``local.stack`` calls between: a proxy for each upstream, from the first question for it to ``stop``."""

    def __init__(self, certificates: Certificates, *, held_seconds: float) -> None:
        self._certificates = certificates
        self._held_seconds = held_seconds
        self.journal = Journal()
        self.watch = Callers(self._ended)
        self.injector = Injector(self.watch)
        self.hasten: Callable[[Invocation, Answer], None] = lambda *_: None
        self._proxies: list[Proxy] = []
        self._renamed: dict[str, str] = {}

    def address(self, upstream: str, url: str) -> str:
        proxy = Proxy(
            upstream,
            url,
            certificates=self._certificates,
            callers=self.watch,
            injector=self.injector,
            held_seconds=self._held_seconds,
        )
        self._proxies.append(proxy)
        if upstream in _TOLD:
            self._renamed[urlsplit(url).netloc] = urlsplit(proxy.address).netloc
        if upstream in _TELLERS:
            proxy.renamed = self._renamed
        proxy.start()
        return proxy.address

    def aws_endpoints(self, url: str) -> Mapping[str, str]:
        return {f"AWS_ENDPOINT_URL_{service}": self.address(name, url) for name, service in _AWS.items()}

    def stop(self) -> None:
        for proxy in self._proxies:
            proxy.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ended(self, invocation: Invocation, answer: Answer) -> None:
        self.journal.note(invocation, answer)
        self.hasten(invocation, answer)


class Hastened:
    """Lets the time pass that a failure would have to wait for: it ends visibility time-outs and leases left behind.

    Who is killed, or cannot write to the registry any more, leaves them. All comes as it would by itself, only sooner.
    """

    def __init__(self, client: Callable[[str], Any], table: str, repository_id: int) -> None:
        self._sqs, self._dynamodb, self._table = client("sqs"), client("dynamodb"), table
        self._registry = DynamoDbRegistry(self._dynamodb, table)
        self._repository_id = repository_id
        self._lock = Lock()

    def __call__(self, invocation: Invocation, answer: Answer) -> None:
        records = invocation.event.get("Records", []) if isinstance(invocation.event, dict) else []
        if is_done(answer) or not records:
            return
        with self._lock:
            if invocation.pull_number is not None:
                self._end_leases(invocation.pull_number, invocation.request_id)
                self._end_report(invocation.pull_number, invocation.request_id)
            for record in records:
                self._show(record)

    def _show(self, record: Mapping[str, Any]) -> None:
        queue = self._sqs.get_queue_url(QueueName=record["eventSourceARN"].rpartition(":")[2])["QueueUrl"]
        self._sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=1)

    def _end_leases(self, pull_number: int, owner: str) -> None:
        found = self._registry.get(self._repository_id, pull_number)
        if found is not None and any(lease.owner == owner for lease in found.leases.values()):
            self._registry.update(found, lambda newest: _without_leases(newest, owner), event="")

    def _end_report(self, pull_number: int, owner: str) -> None:
        """The lease by which one worker at a time tells of a pull request is an item of its own."""
        with suppress(self._dynamodb.exceptions.ConditionalCheckFailedException):
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=item_key(report_lease(self._repository_id, pull_number)),
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues=wire({":owner": owner}),
            )


def _without_leases(environment: Environment, owner: str) -> Environment:
    now = datetime.now(UTC)
    ended = {name: Lease(owner, now) if lease.owner == owner else lease for name, lease in environment.leases.items()}
    return replace(environment, leases=ended)
