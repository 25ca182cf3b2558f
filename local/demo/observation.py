"""What stands, asked of the four that know: Airflow, the bucket, the warehouse and the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.domain.environments import Environment
from dagbranch.domain.naming import artifacts_prefix, pull_request_key, source_prefix
from local.stack import LocalStack


@dataclass(frozen=True)
class Dag:
    dag_id: str
    tags: frozenset[str]
    is_paused: bool
    is_active: bool
    schedule: str | None


def dags(stack: LocalStack, environment: str) -> list[Dag]:
    """The environment's rows in Airflow's database, inactive ones too."""
    stale = {"only_active": "false"} if stack.airflow.line == "2" else {"exclude_stale": "false"}
    status, answer = stack.airflow.api("GET", "/dags", {"tags": environment, **stale})
    assert status == 200, answer
    return [_dag(found) for found in sorted(answer["dags"], key=lambda found: str(found["dag_id"]))]


def objects(stack: LocalStack, environment: str) -> list[str]:
    """Keys of the bucket's zip, copy and job code with all their versions and delete markers."""
    s3, found = stack.aws.client("s3"), []
    for prefix in (f"dags/{environment}.zip", f"dags/{environment}/", artifacts_prefix("artifacts", environment)):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=stack.dags_bucket, Prefix=prefix):
            found += [one["Key"] for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, [])]
    return sorted(found)


def job_code(stack: LocalStack, environment: str) -> dict[str, dict[str, str]]:
    """The metadata of each object of the environment's job code, by key."""
    s3 = stack.aws.client("s3")
    listed = s3.list_objects_v2(Bucket=stack.dags_bucket, Prefix=artifacts_prefix("artifacts", environment))
    keys = [one["Key"] for one in listed.get("Contents", [])]
    return {key: s3.head_object(Bucket=stack.dags_bucket, Key=key)["Metadata"] for key in keys}


def source_archives(stack: LocalStack, repository: str, pull_number: int) -> dict[str, datetime]:
    """When each source archive of the pull request was put, by key."""
    prefix = source_prefix(repository, pull_number)
    listed = stack.aws.client("s3").list_objects_v2(Bucket=stack.outputs["SourceBucketName"], Prefix=prefix)
    return {one["Key"]: one["LastModified"] for one in listed.get("Contents", [])}


def schemas(stack: LocalStack, environment: str) -> dict[str, dict[str, str]]:
    """The environment's schemas, with each table's kind."""
    found = [name for (name,) in stack.warehouse.query("SHOW SCHEMAS") if name.endswith(f"_{environment}")]
    return {name: _kinds(stack, name) for name in found}


def registered(stack: LocalStack, repository_id: int, pull_number: int) -> Environment | None:
    registry = DynamoDbRegistry(stack.aws.client("dynamodb"), stack.outputs["RegistryTableName"])
    return registry.get(repository_id, pull_number)


def claims(stack: LocalStack) -> list[str]:
    """The names that are claimed."""
    pages = stack.aws.client("dynamodb").get_paginator("scan").paginate(TableName=stack.outputs["RegistryTableName"])
    keys = [item["pk"]["S"] for page in pages for item in page["Items"]]
    return sorted(key.removeprefix("name#") for key in keys if key.startswith("name#"))


def history(stack: LocalStack, repository_id: int, pull_number: int) -> list[tuple[datetime, str]]:
    """When what happened to the pull request's environment, in order."""
    answer = stack.aws.client("dynamodb").query(
        TableName=stack.outputs["RegistryTableName"],
        KeyConditionExpression="pk = :pull AND begins_with(sk, :event)",
        ExpressionAttributeValues={
            ":pull": {"S": pull_request_key(repository_id, pull_number)},
            ":event": {"S": "event#"},
        },
    )
    return [(datetime.fromisoformat(item["sk"]["S"].split("#")[1]), item["event"]["S"]) for item in answer["Items"]]


def _dag(found: Mapping[str, Any]) -> Dag:
    return Dag(
        dag_id=found["dag_id"],
        tags=frozenset(tag["name"] for tag in found["tags"]),
        is_paused=found["is_paused"],
        is_active=not found["is_stale"] if "is_stale" in found else found["is_active"],
        schedule=found.get("timetable_summary") or found.get("timetable_description"),
    )


def _kinds(stack: LocalStack, schema: str) -> dict[str, str]:
    views = {row[1] for row in stack.warehouse.query(f"SHOW VIEWS IN {schema}")}
    return {row[1]: "view" if row[1] in views else "table" for row in stack.warehouse.query(f"SHOW TABLES IN {schema}")}
