"""Trigger: a queue with Packaged and Provisioned. Effect: ready, or failed with Airflow's words."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import boto3
import urllib3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.dynamodb_leases import DynamoDbLeases
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.mwaa import MwaaAirflow
from dagbranch.adapters.queues import WorkQueue
from dagbranch.adapters.s3 import S3DagsBucket
from dagbranch.events import environment_event
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch
from dagbranch.settings import VerifyEnvironmentSettings, load
from dagbranch.use_cases.verify_environment import verify_environment


@cache
def _settings() -> VerifyEnvironmentSettings:
    return load(VerifyEnvironmentSettings, os.environ)


@cache
def _verify() -> Callable[..., None]:
    settings, dynamodb = _settings(), boto3.client("dynamodb")
    leases = DynamoDbLeases(dynamodb, settings.registry_table, owner="verify_environment")
    mwaa, http = boto3.client("mwaa"), urllib3.PoolManager()
    return partial(
        verify_environment,
        patience=timedelta(seconds=settings.verify_patience_seconds),
        registry=DynamoDbRegistry(dynamodb, settings.registry_table),
        airflow=MwaaAirflow(mwaa, settings.mwaa_environment, http, leases=leases, door=settings.airflow_door),
        dags=S3DagsBucket(boto3.client("s3"), settings.dags_bucket, settings.dags_path),
        bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
        telemetry=PowertoolsTelemetry(),
    )


def _work(body: str) -> None:
    _verify()(environment_event(body), now=datetime.now(UTC))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(event, context, _work, WorkQueue(boto3.client("sqs"), *_settings().queue))
