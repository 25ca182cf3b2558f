"""The HTTP request of GitHub's webhook, as a function URL or an HTTP API hands it on."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from dagbranch.domain.requests import WebhookRequest
from dagbranch.errors import InvalidEventError


def webhook_request(event: Mapping[str, Any]) -> WebhookRequest:
    """A function URL's or an HTTP API's request (payload format 2.0); header names in any case."""
    headers = event.get("headers")
    body = event.get("body") or ""
    if not isinstance(headers, Mapping) or not isinstance(body, str):
        raise InvalidEventError("the request is no HTTP request of payload format 2.0")
    sent = {str(name).lower(): str(value) for name, value in headers.items()}
    return WebhookRequest(
        body=_decoded(body) if event.get("isBase64Encoded") else body.encode(),
        signature=sent.get("x-hub-signature-256", ""),
        delivery=sent.get("x-github-delivery", ""),
        event_name=sent.get("x-github-event", ""),
    )


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidEventError("the body says that it is base64, and is not") from None
