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
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.databricks import DatabricksWarehouse
from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.dynamodb_leases import DynamoDbLeases
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.adapters.github_credentials import PULL_REQUESTS
from dagbranch.adapters.mwaa import MwaaAirflow
from dagbranch.adapters.queues import WorkQueue
from dagbranch.adapters.s3 import S3ArtifactsBucket, S3DagsBucket, S3SourceBucket
from dagbranch.adapters.secrets import secret_text, secrets
from dagbranch.events import pull_request_event
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch, lease_seconds
from dagbranch.settings import RemoveEnvironmentSettings, load
from dagbranch.use_cases.removal_work import Places, Remover
from dagbranch.use_cases.remove_environment import remove_environment


@cache
def _settings() -> RemoveEnvironmentSettings:
    return load(RemoveEnvironmentSettings, os.environ)


@cache
def _places() -> Callable[..., Places]:
    settings, s3, dynamodb, mwaa = _settings(), boto3.client("s3"), boto3.client("dynamodb"), boto3.client("mwaa")
    leases, http = DynamoDbLeases(dynamodb, settings.registry_table, owner="remove_environment"), urllib3.PoolManager()
    return partial(
        Places,
        registry=DynamoDbRegistry(dynamodb, settings.registry_table),
        sources=S3SourceBucket(s3, settings.source_bucket),
        dags=S3DagsBucket(s3, settings.dags_bucket, settings.dags_path),
        artifacts=S3ArtifactsBucket(s3, settings.artifacts_bucket, settings.artifacts_path),
        airflow=MwaaAirflow(mwaa, settings.mwaa_environment, http, leases=leases, door=settings.airflow_door),
    )


def _work(context: LambdaContext, body: str) -> None:
    settings = _settings()
    repositories, settle, seconds = settings.allowed_repositories, settings.removal_settle, lease_seconds(context)
    remover = Remover(settings.lane, context.aws_request_id, seconds, repositories, settle, settings.policy)
    credentials = secret_text(secrets(), settings.databricks_token_secret)
    github_secret = secret_text(secrets(), settings.github_token_secret)
    with DatabricksWarehouse(**settings.warehouse, credentials=credentials, seconds=seconds) as warehouse:
        remove_environment(
            pull_request_event(body),
            remover=remover,
            github=PyGithubGitHub(settings.github_api_url, github_secret, PULL_REQUESTS),
            places=_places()(warehouse=warehouse),
            bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
            telemetry=PowertoolsTelemetry(),
            clock=partial(datetime.now, UTC),
        )


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(event, context, partial(_work, context), WorkQueue(boto3.client("sqs"), *_settings().queue))
