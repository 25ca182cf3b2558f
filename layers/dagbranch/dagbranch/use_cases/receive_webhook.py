"""GitHub's webhook → the event bus: checked, bounded, and answered as soon as the event is on the bus."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Final

from dagbranch.domain.requests import WebhookRequest
from dagbranch.errors import InvalidEventError, InvalidSignatureError

MOST_BODY_BYTES: Final = 900_000  # an EventBridge entry holds 1 MB with everything around it
USED_EVENTS: Final = frozenset({"pull_request"})


def check_signature(request: WebhookRequest, secret: str) -> None:
    """Raises InvalidSignatureError unless GitHub signed exactly these bytes with this secret.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    expected = "sha256=" + hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), request.signature.encode()):
        raise InvalidSignatureError("the signature in X-Hub-Signature-256 is missing or wrong")


def receive_webhook(request: WebhookRequest, *, secret: str, forward: Callable[[str, str, str], None]) -> str:
    """Hands a used event's name, payload and delivery to ``forward``, and says what was done.

    Raises InvalidSignatureError, or InvalidEventError for what GitHub would not send; nothing happens then.
    """
    check_signature(request, secret)
    if request.event_name not in USED_EVENTS:
        return f"{request.event_name or 'an event without a name'} is not used"
    if not request.delivery:
        raise InvalidEventError("the header X-GitHub-Delivery is missing")
    forward(request.event_name, _json_object(request.body), request.delivery)
    return "on the bus"


def _json_object(body: bytes) -> str:
    try:
        text = body.decode()
        payload = json.loads(text)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise InvalidEventError("the body is no JSON object: set the webhook's content type to application/json")
    return text
