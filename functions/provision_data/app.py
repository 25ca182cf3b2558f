"""Trigger: a queue with uploads, seeds and requests for data. Effect: views and tables in the environment's schemas."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.databricks import DatabricksWarehouse
from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.queues import SqsSeedQueue, WorkQueue
from dagbranch.adapters.s3 import S3SourceBucket
from dagbranch.adapters.secrets import secret_text, secrets
from dagbranch.events import data_work
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch, lease_seconds
from dagbranch.settings import ProvisionDataSettings, load
from dagbranch.use_cases.deploy_half import Surroundings, Worker
from dagbranch.use_cases.provision_data import provision_data


@cache
def _settings() -> ProvisionDataSettings:
    return load(ProvisionDataSettings, os.environ)


@cache
def _provision() -> Callable[..., None]:
    settings = _settings()
    return partial(
        provision_data,
        around=Surroundings(
            registry=DynamoDbRegistry(boto3.client("dynamodb"), settings.registry_table),
            sources=S3SourceBucket(boto3.client("s3"), settings.source_bucket),
            bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
            telemetry=PowertoolsTelemetry(),
            clock=partial(datetime.now, UTC),
        ),
        stack=settings.data_stack,
        seeds=SqsSeedQueue(boto3.client("sqs"), settings.queue_url),
    )


def _work(context: LambdaContext, body: str) -> None:
    settings = _settings()
    worker = Worker(settings.lane, context.aws_request_id, lease_seconds(context), settings.limits)
    credentials = secret_text(secrets(), settings.databricks_token_secret)
    with DatabricksWarehouse(**settings.warehouse, credentials=credentials, seconds=worker.lease_seconds) as warehouse:
        _provision()(data_work(body, settings.lane), worker=worker, warehouse=warehouse)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(event, context, partial(_work, context), WorkQueue(boto3.client("sqs"), *_settings().queue))
