"""Trigger: a queue with the schedule's ticks. Effect: requests on the bus for what five places differ in."""

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

from dagbranch.adapters.databricks import DatabricksWarehouse
from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.dynamodb_leases import DynamoDbLeases
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.adapters.github_credentials import SOURCES
from dagbranch.adapters.mwaa import MwaaAirflow
from dagbranch.adapters.queues import WorkQueue
from dagbranch.adapters.s3 import S3DagsBucket
from dagbranch.adapters.secrets import secret_text, secrets
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch, lease_seconds
from dagbranch.settings import SweepEnvironmentsSettings, load
from dagbranch.use_cases.sweep_environments import Seen, Sweeper, sweep_environments


@cache
def _settings() -> SweepEnvironmentsSettings:
    return load(SweepEnvironmentsSettings, os.environ)


@cache
def _seen() -> Callable[..., Seen]:
    settings, dynamodb = _settings(), boto3.client("dynamodb")
    leases = DynamoDbLeases(dynamodb, settings.registry_table, owner="sweep_environments")
    mwaa, http = boto3.client("mwaa"), urllib3.PoolManager()
    return partial(
        Seen,
        registry=DynamoDbRegistry(dynamodb, settings.registry_table),
        dags=S3DagsBucket(boto3.client("s3"), settings.dags_bucket, settings.dags_path),
        airflow=MwaaAirflow(mwaa, settings.mwaa_environment, http, leases=leases, door=settings.airflow_door),
    )


def _warehouse(seconds: int) -> DatabricksWarehouse:
    credentials = secret_text(secrets(), _settings().databricks_token_secret)
    return DatabricksWarehouse(**_settings().warehouse, credentials=credentials, seconds=seconds)


def _work(context: LambdaContext, _tick: str) -> None:
    settings = _settings()
    github_secret = secret_text(secrets(), settings.github_token_secret)
    github = PyGithubGitHub(settings.github_api_url, github_secret, SOURCES)
    with ExitStack() as opened:
        seen = _seen()(github=github, warehouse=lambda: opened.enter_context(_warehouse(lease_seconds(context))))
        sweep_environments(
            sweeper=Sweeper(settings.lane, settings.allowed_repositories, settings.policy, settings.follow_base_hour),
            seen=seen,
            bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
            telemetry=PowertoolsTelemetry(),
            now=datetime.now(UTC),
        )


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(event, context, partial(_work, context), WorkQueue(boto3.client("sqs"), *_settings().queue))
