"""Trigger: a queue with the schedule's ticks. Effect: requests on the bus for what differs from GitHub."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.event_bus import DelayedQueue, EventBridgeBus
from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.adapters.secrets import secret_text
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch
from dagbranch.settings import SweepEnvironmentsSettings, load
from dagbranch.use_cases.sweep_environments import sweep_environments


@cache
def _settings() -> SweepEnvironmentsSettings:
    return load(SweepEnvironmentsSettings, os.environ)


@cache
def _secrets() -> SecretsProvider:
    return SecretsProvider()


def _work(_tick: str) -> None:
    settings = _settings()
    sweep_environments(
        lane=settings.lane,
        allowed_repositories=settings.allowed_repositories,
        follow_base_hour=settings.follow_base_hour,
        github=PyGithubGitHub(settings.github_api_url, secret_text(_secrets(), settings.github_token_secret)),
        registry=DynamoDbRegistry(boto3.client("dynamodb"), settings.registry_table),
        bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
        telemetry=PowertoolsTelemetry(),
        now=datetime.now(UTC),
    )


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(event, context, _work, DelayedQueue(boto3.client("sqs"), _settings().queue_url))
