"""Trigger: GitHub's webhook, through the function URL or the HTTP API. Effect: the event stands on the event bus."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.secrets import secret_text
from dagbranch.errors import InvalidEventError, InvalidSignatureError
from dagbranch.events import webhook_request
from dagbranch.observability import begin_record, logger, metrics, tracer
from dagbranch.settings import ReceiveWebhookSettings, load
from dagbranch.use_cases.receive_webhook import MOST_BODY_BYTES, receive_webhook

_ONE_DAY_SECONDS = 86_400


@cache
def _settings() -> ReceiveWebhookSettings:
    return load(ReceiveWebhookSettings, os.environ)


@cache
def _secrets() -> SecretsProvider:
    return SecretsProvider()


@cache
def _bus() -> EventBridgeBus:
    return EventBridgeBus(boto3.client("events"), _settings().event_bus)


@cache
def _deliveries() -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(
        _settings().registry_table, key_attr="pk", sort_key_attr="sk", expiry_attr="expires_at"
    )


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    begin_record()
    try:
        request = webhook_request(event)
        if len(request.body) > MOST_BODY_BYTES:
            return _answer(413, f"the body has {len(request.body)} bytes, at most {MOST_BODY_BYTES} are taken")
        secret = secret_text(_secrets(), _settings().webhook_secret)
        return _answer(202, receive_webhook(request, secret=secret, forward=partial(_forward_once, context)))
    except InvalidSignatureError as error:
        return _answer(401, str(error))
    except InvalidEventError as error:
        return _answer(400, str(error))
    except IdempotencyAlreadyInProgressError:
        return _answer(409, "this delivery is being taken at this moment")


def _forward_once(context: LambdaContext, event_name: str, payload: str, delivery: str) -> None:
    """A delivery that was completed is not put on the bus again: GitHub and a person may both send it twice."""

    def forward(*, delivery: str) -> None:
        _bus().forward(event_name, payload, delivery)

    config = IdempotencyConfig(expires_after_seconds=_ONE_DAY_SECONDS, lambda_context=context)
    once = idempotent_function(
        forward, data_keyword_argument="delivery", persistence_store=_deliveries(), config=config
    )
    once(delivery=delivery)


def _answer(status: int, message: str) -> dict[str, Any]:
    metrics.add_metric(name=f"WebhookAnswered{status}", unit=MetricUnit.Count, value=1)
    logger.info("answered", extra={"status": status, "answer": message})
    return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": message}
