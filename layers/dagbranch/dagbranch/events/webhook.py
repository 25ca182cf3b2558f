"""The HTTP request of GitHub's webhook, as a function URL or an HTTP API hands it on."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from dagbranch.domain.requests import WebhookRequest
from dagbranch.errors import InvalidEventError, OversizedEventError

MOST_BODY_BYTES: Final = 900_000  # an EventBridge entry holds 1 MB with everything around it
_MOST_BASE64_CHARACTERS: Final = MOST_BODY_BYTES * 4 // 3


def webhook_request(event: Mapping[str, Any]) -> WebhookRequest:
    """A function URL's or an HTTP API's request (payload format 2.0); header names in any case.

    Raises OversizedEventError before anything is decoded.
    """
    headers = event.get("headers")
    body = event.get("body") or ""
    if not isinstance(headers, Mapping) or not isinstance(body, str):
        raise InvalidEventError("the request is no HTTP request of payload format 2.0")
    sent = {str(name).lower(): str(value) for name, value in headers.items()}
    return WebhookRequest(
        body=_body(body, is_base64=bool(event.get("isBase64Encoded"))),
        signature=sent.get("x-hub-signature-256", ""),
        delivery=sent.get("x-github-delivery", ""),
        event_name=sent.get("x-github-event", ""),
    )


def _body(text: str, *, is_base64: bool) -> bytes:
    if len(text) > (_MOST_BASE64_CHARACTERS if is_base64 else MOST_BODY_BYTES):
        raise OversizedEventError(f"the body has over {MOST_BODY_BYTES} bytes, which is the most that is taken")
    body = _decoded(text) if is_base64 else _encoded(text)
    if len(body) > MOST_BODY_BYTES:  # of a text with other characters than ASCII
        raise OversizedEventError(f"the body has {len(body)} bytes, at most {MOST_BODY_BYTES} are taken")
    return body


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        raise InvalidEventError("the body is no text that could have been sent") from None


def _decoded(body: str) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidEventError("the body says that it is base64, and is not") from None
