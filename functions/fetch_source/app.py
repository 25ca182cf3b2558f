"""Trigger: a queue with pull request events, pushes and requests. Effect: a source archive in its bucket."""

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
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.dynamodb_leases import DynamoDbLeases
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.adapters.github_credentials import SOURCES
from dagbranch.adapters.github_releases import PyGithubReleases
from dagbranch.adapters.queues import WorkQueue
from dagbranch.adapters.s3 import S3ArtifactsBucket, S3DagsBucket, S3SourceBucket
from dagbranch.adapters.secrets import secret_text, secrets
from dagbranch.adapters.wheels import PipIndex
from dagbranch.domain.requests import PushEvent
from dagbranch.events import fetch_work
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch
from dagbranch.settings import FetchSourceSettings, load
from dagbranch.use_cases.fetch_release import fetch_release
from dagbranch.use_cases.fetch_source import fetch_source
from dagbranch.use_cases.intake_work import Fetcher, Intake


@cache
def _settings() -> FetchSourceSettings:
    return load(FetchSourceSettings, os.environ)


@cache
def _fetcher() -> Callable[..., Fetcher]:
    settings, s3, dynamodb = _settings(), boto3.client("s3"), boto3.client("dynamodb")
    return partial(
        Fetcher,
        intake=Intake(
            settings.lane, settings.allowed_repositories, settings.limits, settings.policy, settings.push_settle
        ),
        index=PipIndex(settings.package_index_url, cache=Path(tempfile.gettempdir()) / "dagbranch"),
        registry=DynamoDbRegistry(dynamodb, settings.registry_table),
        leases=DynamoDbLeases(dynamodb, settings.registry_table, owner="fetch_source"),
        sources=S3SourceBucket(s3, settings.source_bucket),
        dags=S3DagsBucket(s3, settings.dags_bucket, settings.dags_path),
        artifacts=S3ArtifactsBucket(s3, settings.artifacts_bucket, settings.artifacts_path),
        bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
        telemetry=PowertoolsTelemetry(),
    )


def _work(body: str) -> None:
    settings, work = _settings(), fetch_work(body)
    door = settings.github_api_url, secret_text(secrets(), settings.github_token_secret), SOURCES
    by = _fetcher()(github=PyGithubGitHub(*door), now=datetime.now(UTC))
    if isinstance(work, PushEvent):
        fetch_release(work, releases=PyGithubReleases(*door), by=by)
    elif work is not None:
        fetch_source(work, by=by)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(event, context, _work, WorkQueue(boto3.client("sqs"), *_settings().queue))
