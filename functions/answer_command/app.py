"""Trigger: a queue with new comments on pull requests. Effect: what a command asks for, and its answer, on the bus."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.github import PyGithubGitHub
from dagbranch.adapters.github_credentials import PULL_REQUESTS
from dagbranch.adapters.queues import WorkQueue
from dagbranch.adapters.secrets import secret_text, secrets
from dagbranch.events import comment_event
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch
from dagbranch.settings import AnswerCommandSettings, load
from dagbranch.use_cases.answer_command import Answerer, answer_command


@cache
def _settings() -> AnswerCommandSettings:
    return load(AnswerCommandSettings, os.environ)


@cache
def _answerer() -> Callable[..., Answerer]:
    settings = _settings()
    return partial(
        Answerer,
        lane=settings.lane,
        allowed_repositories=settings.allowed_repositories,
        registry=DynamoDbRegistry(boto3.client("dynamodb"), settings.registry_table),
        bus=EventBridgeBus(boto3.client("events"), settings.event_bus),
        telemetry=PowertoolsTelemetry(),
    )


def _work(body: str) -> None:
    settings, comment = _settings(), comment_event(body)
    if comment is not None:
        github_secret = secret_text(secrets(), settings.github_token_secret)
        github = PyGithubGitHub(settings.github_api_url, github_secret, PULL_REQUESTS)
        answer_command(comment, by=_answerer()(github=github, now=datetime.now(UTC)))


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(event, context, _work, WorkQueue(boto3.client("sqs"), *_settings().queue))
