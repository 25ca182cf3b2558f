"""Trigger: a queue with dagbranch's own events and merge groups. Effect: comment, check and deployment at GitHub."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.adapters.dynamodb_leases import DynamoDbLeases
from dagbranch.adapters.dynamodb_releases import DynamoDbReleases
from dagbranch.adapters.dynamodb_reports import DynamoDbReports
from dagbranch.adapters.github_credentials import REPORTS
from dagbranch.adapters.github_releases import PyGithubReleases
from dagbranch.adapters.github_reports import PyGithubReports
from dagbranch.adapters.queues import WorkQueue
from dagbranch.adapters.secrets import secret_text, secrets
from dagbranch.domain.github_pages import GitHubPages
from dagbranch.events import report_work
from dagbranch.observability import PowertoolsTelemetry, logger, metrics, tracer
from dagbranch.queue_batches import handle_batch, lease_seconds
from dagbranch.settings import ReportStatusSettings, load
from dagbranch.use_cases.report_status import report_status
from dagbranch.use_cases.telling import Reporter


@cache
def _settings() -> ReportStatusSettings:
    return load(ReportStatusSettings, os.environ)


@cache
def _dynamodb() -> Any:
    return boto3.client("dynamodb")


@cache
def _reporter() -> Callable[..., Reporter]:
    settings, dynamodb = _settings(), _dynamodb()
    return partial(
        Reporter,
        lane=settings.lane,
        allowed_repositories=settings.allowed_repositories,
        has_deployments=settings.deployments == "on",
        pages=GitHubPages.of_api(settings.github_api_url),
        registry=DynamoDbRegistry(dynamodb, settings.registry_table),
        reports=DynamoDbReports(dynamodb, settings.registry_table),
        ledger=DynamoDbReleases(dynamodb, settings.registry_table),
        telemetry=PowertoolsTelemetry(),
    )


def _work(context: LambdaContext, body: str) -> None:
    settings = _settings()
    work = report_work(body, settings.lane)
    if work is not None:
        door = settings.github_api_url, secret_text(secrets(), settings.github_token_secret), REPORTS
        github, deployments = PyGithubReports(*door), PyGithubReleases(*door)
        leases = DynamoDbLeases(_dynamodb(), settings.registry_table, owner=context.aws_request_id)
        seconds = lease_seconds(context)
        by = _reporter()(github=github, deployments=deployments, leases=leases, lease_seconds=seconds)
        report_status(work, by=by)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    return handle_batch(event, context, partial(_work, context), WorkQueue(boto3.client("sqs"), *_settings().queue))
