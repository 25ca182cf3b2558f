"""Trigger: a queue with deployments, promotions, own events, ticks. Effect: a release goes on, comes or goes back."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
import urllib3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters import databricks, dynamodb, dynamodb_audit, dynamodb_leases, dynamodb_releases, mwaa, s3
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.github_releases import PyGithubReleases
from dagbranch.adapters.kms_promotions import KmsSigner, PublicKeys
from dagbranch.adapters.next_lane import S3NextLane
from dagbranch.adapters.queues import WorkQueue
from dagbranch.adapters.secrets import secret_text, secrets
from dagbranch.events import release_work
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch, lease_seconds
from dagbranch.settings import PromoteReleaseSettings, load
from dagbranch.use_cases.promote_release import promote_release
from dagbranch.use_cases.promotion_work import Promoter


@cache
def _promoter(settings: PromoteReleaseSettings) -> Callable[..., Promoter]:
    bucket, table = boto3.client("s3"), (boto3.client("dynamodb"), settings.registry_table)
    leases = dynamodb_leases.DynamoDbLeases(*table, owner="promote_release")
    server = boto3.client("mwaa"), settings.mwaa_environment, urllib3.PoolManager()
    next_bucket, key, keys = settings.next_lane_source_bucket, settings.promotion_key, settings.promotion_public_key
    return partial(
        Promoter,
        **settings.lane_rules,
        registry=dynamodb.DynamoDbRegistry(*table),
        releases=dynamodb_releases.DynamoDbReleases(*table),
        audit=dynamodb_audit.DynamoDbAudit(*table),
        sources=s3.S3SourceBucket(bucket, settings.source_bucket),
        next_bucket=S3NextLane(bucket, next_bucket) if next_bucket else None,
        signer=KmsSigner(boto3.client("kms"), key) if key else None,
        verifier=PublicKeys(keys) if keys else None,
        airflow=partial(mwaa.MwaaAirflow, *server, leases=leases, door=settings.airflow_door),
        dags=s3.S3DagsBucket(bucket, settings.dags_bucket, settings.dags_path),
        artifacts=s3.S3ArtifactsBucket(bucket, settings.artifacts_bucket, settings.artifacts_path),
        bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
        leases=leases,
        telemetry=PowertoolsTelemetry(),
    )


def _work(context: LambdaContext, settings: PromoteReleaseSettings, body: str) -> None:
    event, seconds, secret = release_work(body, settings.lane), lease_seconds(context), partial(secret_text, secrets())
    github = PyGithubReleases(settings.github_api_url, secret(settings.github_token_secret))
    connect = partial(databricks.DatabricksWarehouse, **settings.warehouse, seconds=seconds)
    known: dict[str, Any] = {"github": github, "app_id": github.app_id(), "lease_seconds": seconds}
    with ExitStack() as opened:
        known["warehouse"] = lambda: opened.enter_context(connect(credentials=secret(settings.databricks_token_secret)))
        if event is not None:
            promote_release(event, by=_promoter(settings)(**known, now=datetime.now(UTC)))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    settings = load(PromoteReleaseSettings, os.environ)
    queue = WorkQueue(boto3.client("sqs"), *settings.queue)
    return handle_batch(event, context, partial(_work, context, settings), queue)
