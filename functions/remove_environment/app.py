"""Trigger: a queue with closed pull requests and the sweep's requests. Effect: nothing is left but a receipt."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
import urllib3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.databricks import DatabricksWarehouse
from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.event_bus import DelayedQueue, EventBridgeBus
from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.adapters.mwaa import MwaaAirflow
from dagbranch.adapters.s3 import S3ArtifactsBucket, S3DagsBucket, S3SourceBucket
from dagbranch.adapters.secrets import secret_text
from dagbranch.events import pull_request_event
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch, lease_seconds
from dagbranch.settings import RemoveEnvironmentSettings, load
from dagbranch.use_cases.remove_environment import Remover, remove_environment


@cache
def _settings() -> RemoveEnvironmentSettings:
    return load(RemoveEnvironmentSettings, os.environ)


@cache
def _secrets() -> SecretsProvider:
    return SecretsProvider()


@cache
def _remove() -> Callable[..., None]:
    settings, s3 = _settings(), boto3.client("s3")
    return partial(
        remove_environment,
        registry=DynamoDbRegistry(boto3.client("dynamodb"), settings.registry_table),
        sources=S3SourceBucket(s3, settings.source_bucket),
        dags=S3DagsBucket(s3, settings.dags_bucket, settings.dags_path),
        artifacts=S3ArtifactsBucket(s3, settings.artifacts_bucket, settings.artifacts_path),
        airflow=MwaaAirflow(boto3.client("mwaa"), settings.mwaa_environment, urllib3.PoolManager()),
        bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
        telemetry=PowertoolsTelemetry(),
        clock=partial(datetime.now, UTC),
    )


def _work(context: LambdaContext, body: str) -> None:
    settings, seconds = _settings(), lease_seconds(context)
    remover = Remover(context.aws_request_id, seconds, settings.allowed_repositories, settings.removal_settle)
    github = PyGithubGitHub(settings.github_api_url, secret_text(_secrets(), settings.github_token_secret))
    with DatabricksWarehouse(
        host=settings.databricks_host,
        http_path=settings.databricks_http_path,
        credentials=secret_text(_secrets(), settings.databricks_token_secret),
        seconds=seconds,
    ) as warehouse:
        _remove()(pull_request_event(body), remover=remover, github=github, warehouse=warehouse)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    queue = DelayedQueue(boto3.client("sqs"), _settings().queue_url)
    return handle_batch(event, context, partial(_work, context), queue)
