"""What package_dags needs of an AWS account, in the local emulator: versioned buckets, registry, bus, queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from dagbranch.adapters.dynamodb import INDEX, DynamoDbRegistry
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import SourceArchiveKey, copy_prefix, zip_key
from dagbranch.domain.source_archive import source_digest
from local.aws.ministack import ACCOUNT, REGION, Ministack

DAGS_BUCKET: Final = "benchmark-dags"
DAGS_PATH: Final = "dags"
_SOURCE_BUCKET: Final = "benchmark-sources"
_TABLE: Final = "benchmark-registry"
_BUS: Final = "benchmark-bus"
_REPOSITORY: Final = "acme/pipelines"
_REPOSITORY_ID: Final = 1


class Account:
    """Pull requests that ask for commits, and the events that package_dags gets for them."""

    def __init__(self, emulator: Ministack) -> None:
        self._emulator = emulator
        self._s3 = emulator.client("s3")
        self._registry = DynamoDbRegistry(emulator.client("dynamodb"), _TABLE)
        for bucket in (DAGS_BUCKET, _SOURCE_BUCKET):
            self._s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            self._s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        emulator.client("dynamodb").create_table(**_table())
        emulator.client("events").create_event_bus(Name=_BUS)
        self._queue_url = emulator.client("sqs").create_queue(QueueName="benchmark-queue")["QueueUrl"]

    def function_environment(self) -> dict[str, str]:
        return {
            **self._emulator.environment(),
            "AWS_LAMBDA_FUNCTION_NAME": "package_dags",
            "POWERTOOLS_SERVICE_NAME": "benchmark",
            "POWERTOOLS_TRACE_DISABLED": "true",
            "LANE": "preview",
            "REGISTRY_TABLE": _TABLE,
            "EVENT_BUS": _BUS,
            "SOURCE_BUCKET": _SOURCE_BUCKET,
            "ARTIFACTS_BUCKET": DAGS_BUCKET,
            "ARTIFACTS_PATH": "artifacts",
            "DAGS_BUCKET": DAGS_BUCKET,
            "DAGS_PATH": DAGS_PATH,
            "QUEUE_URL": self._queue_url,
            "MOST_FILES": "20000",
            "MOST_MEGABYTES": "200",
        }

    def command_environment(self) -> dict[str, str]:
        return self._emulator.environment()

    def request(self, pull_number: int, archive: bytes) -> str:
        """What happens before package_dags is asked: a commit in the registry and its archive. Returns the event."""
        now = datetime.now(UTC)
        digest = source_digest(archive)
        key = SourceArchiveKey(_REPOSITORY, pull_number, digest[:40], digest)
        standing = self._registry.get(_REPOSITORY_ID, pull_number)
        if standing is None:
            self._registry.claim(_environment(pull_number, key.head_sha, now), [environment_name(pull_number)], "")
        else:
            asked = replace(
                standing, head_sha=key.head_sha, status=Status.REQUESTED, generation=standing.generation + 1
            )
            self._registry.save(asked, "")
        self._s3.put_object(Bucket=_SOURCE_BUCKET, Key=str(key), Body=archive)
        return json.dumps({"Records": [_message(str(key), now)]})

    def check_deployed(self, pull_number: int, files: Mapping[str, bytes]) -> None:
        """Stops a benchmark of something that did not happen: every file of the copy has the size that it should."""
        name = environment_name(pull_number)
        prefix = copy_prefix(DAGS_PATH, name)
        listed = {key.removeprefix(prefix): size for key, size in self._sizes(prefix)}
        assert {path: listed.get(path) for path in files} == {path: len(content) for path, content in files.items()}
        self._s3.head_object(Bucket=DAGS_BUCKET, Key=zip_key(DAGS_PATH, name))

    def empty(self) -> None:
        """Nothing of one contender lies there when the next one starts."""
        for bucket in (DAGS_BUCKET, _SOURCE_BUCKET):
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                versions = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in page.get("Versions", [])]
                if versions:
                    self._s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})

    def _sizes(self, prefix: str) -> list[tuple[str, int]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=DAGS_BUCKET, Prefix=prefix)
        return [(one["Key"], one["Size"]) for page in pages for one in page.get("Contents", [])]


def environment_name(pull_number: int) -> str:
    return f"pr_{pull_number}"


def _environment(pull_number: int, head_sha: str, now: datetime) -> Environment:
    return Environment(
        repository_id=_REPOSITORY_ID,
        repository=_REPOSITORY,
        pull_number=pull_number,
        lane="preview",
        status=Status.REQUESTED,
        head_sha=head_sha,
        branch="",
        updated_at=now,
        requested_at=now,
        generation=1,
    )


def _message(key: str, at: datetime) -> dict[str, Any]:
    uploaded = {
        "version": "0",
        "id": str(uuid4()),
        "account": ACCOUNT,
        "region": REGION,
        "resources": [f"arn:aws:s3:::{_SOURCE_BUCKET}"],
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": at.isoformat(),
        "detail": {"bucket": {"name": _SOURCE_BUCKET}, "object": {"key": key}},
    }
    return {"messageId": "1", "eventSource": "aws:sqs", "body": json.dumps(uploaded)}


def _table() -> dict[str, Any]:
    """The registry as the template has it."""
    return {
        "TableName": _TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "lane", "pull")
        ],
        "KeySchema": _keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            {"IndexName": INDEX, "KeySchema": _keys("lane", "pull"), "Projection": {"ProjectionType": "ALL"}}
        ],
    }


def _keys(partition: str, order: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": order, "KeyType": "RANGE"}]
