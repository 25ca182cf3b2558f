"""Trigger: a queue with the uploads to the source bucket. Effect: a packaged DAG and its job code, in their buckets."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from dagbranch import __version__
from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.queues import WorkQueue
from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.adapters.s3 import S3ArtifactsBucket, S3DagsBucket, S3SourceBucket
from dagbranch.adapters.s3_objects import PARALLEL_REQUESTS
from dagbranch.events import archive_uploaded
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch, lease_seconds
from dagbranch.settings import PackageDagsSettings, load
from dagbranch.use_cases.deploy_half import Surroundings, Worker
from dagbranch.use_cases.package_dags import Runtime, package_dags


@cache
def _settings() -> PackageDagsSettings:
    return load(PackageDagsSettings, os.environ)


@cache
def _package() -> Callable[..., None]:
    settings = _settings()
    s3 = boto3.client("s3", config=Config(max_pool_connections=PARALLEL_REQUESTS))
    return partial(
        package_dags,
        runtime=Runtime(__version__, runtime_modules()),
        around=Surroundings(
            registry=DynamoDbRegistry(boto3.client("dynamodb"), settings.registry_table),
            sources=S3SourceBucket(s3, settings.source_bucket),
            bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
            telemetry=PowertoolsTelemetry(),
            clock=partial(datetime.now, UTC),
        ),
        dags=S3DagsBucket(s3, settings.dags_bucket, settings.dags_path),
        artifacts=S3ArtifactsBucket(s3, settings.artifacts_bucket, settings.artifacts_path),
    )


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    settings = _settings()
    worker = Worker(settings.lane, context.aws_request_id, lease_seconds(context), settings.limits)
    queue = WorkQueue(boto3.client("sqs"), *settings.queue)
    return handle_batch(event, context, lambda body: _package()(archive_uploaded(body), worker=worker), queue)
