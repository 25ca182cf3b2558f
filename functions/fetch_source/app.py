"""Trigger: a queue with pull request events and the sweep's requests. Effect: a source archive in its bucket."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.event_bus import DelayedQueue, EventBridgeBus
from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.adapters.s3 import S3ArtifactsBucket, S3DagsBucket, S3SourceBucket
from dagbranch.adapters.secrets import secret_text
from dagbranch.adapters.wheels import PipIndex
from dagbranch.events import pull_request_event
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch
from dagbranch.settings import FetchSourceSettings, load
from dagbranch.use_cases.fetch_source import Intake, fetch_source


@cache
def _settings() -> FetchSourceSettings:
    return load(FetchSourceSettings, os.environ)


@cache
def _secrets() -> SecretsProvider:
    return SecretsProvider()


@cache
def _fetch() -> Callable[..., None]:
    settings, s3 = _settings(), boto3.client("s3")
    return partial(
        fetch_source,
        intake=Intake(settings.lane, settings.allowed_repositories, settings.limits),
        index=PipIndex(settings.package_index_url, cache=Path(tempfile.gettempdir()) / "dagbranch"),
        registry=DynamoDbRegistry(boto3.client("dynamodb"), settings.registry_table),
        sources=S3SourceBucket(s3, settings.source_bucket),
        dags=S3DagsBucket(s3, settings.dags_bucket, settings.dags_path),
        artifacts=S3ArtifactsBucket(s3, settings.artifacts_bucket, settings.artifacts_path),
        bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
        telemetry=PowertoolsTelemetry(),
    )


def _work(body: str) -> None:
    token = secret_text(_secrets(), _settings().github_token_secret)
    github = PyGithubGitHub(_settings().github_api_url, token)
    _fetch()(pull_request_event(body), github=github, now=datetime.now(UTC))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(event, context, _work, DelayedQueue(boto3.client("sqs"), _settings().queue_url))
