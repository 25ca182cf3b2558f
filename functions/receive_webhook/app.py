"""Trigger: GitHub's webhook, through the function URL or the HTTP API. Effect: the event stands on the event bus."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.deliveries import TakenDeliveries
from dagbranch.adapters.event_bus import EventBridgeBus
from dagbranch.adapters.secrets import secret_text, secrets
from dagbranch.errors import InvalidEventError, InvalidSignatureError, NotYetError, OversizedEventError
from dagbranch.events import webhook_request
from dagbranch.observability import begin_record, logger, metrics, tracer
from dagbranch.settings import ReceiveWebhookSettings, load
from dagbranch.use_cases.receive_webhook import receive_webhook, signing_secrets


@cache
def _settings() -> ReceiveWebhookSettings:
    return load(ReceiveWebhookSettings, os.environ)


@cache
def _bus() -> EventBridgeBus:
    return EventBridgeBus(boto3.client("events"), _settings().event_bus)


@cache
def _deliveries() -> TakenDeliveries:
    return TakenDeliveries(_settings().registry_table)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    begin_record()
    try:
        request = webhook_request(event)
        known = signing_secrets(secret_text(secrets(), _settings().webhook_secret))
        return _answer(202, receive_webhook(request, secrets=known, forward=partial(_forward_once, context)))
    except OversizedEventError as error:
        return _answer(413, str(error))
    except InvalidSignatureError as error:
        return _answer(401, str(error))
    except InvalidEventError as error:
        return _answer(400, str(error))
    except NotYetError as error:
        return _answer(409, str(error))


def _forward_once(context: LambdaContext, event_name: str, payload: str, delivery: str) -> None:
    _deliveries().once(payload, partial(_bus().forward, event_name, payload, delivery), context)


def _answer(status: int, message: str) -> dict[str, Any]:
    metrics.add_metric(name=f"WebhookAnswered{status}", unit=MetricUnit.Count, value=1)
    logger.info("answered", extra={"status": status, "answer": message})
    return {"statusCode": status, "headers": {"content-type": "text/plain"}, "body": message}
