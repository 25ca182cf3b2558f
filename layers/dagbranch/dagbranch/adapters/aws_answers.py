"""AWS's answers, held to be whole, and AWS's own, before botocore reads them.

botocore 1.44 reads a JSON body that breaks off, or is none, as an empty answer: nothing found, no rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError

_REQUEST_IDS: Final = frozenset({"x-amzn-requestid", "x-amz-request-id"})  # one is in every answer of every service
_JSON: Final = frozenset({"json", "rest-json"})


class BrokenAnswerError(BotoCoreError):
    """Translated as all of botocore's errors about the way to AWS: it passes."""

    fmt = "the answer to {operation} {fault}"


def held_whole[C](client: C) -> C:
    """The same client, which raises BrokenAnswerError rather than read an answer that is not whole."""
    boto: Any = client
    boto.meta.events.register("before-parse", _check, unique_id="dagbranch-held-whole")
    return client


def _check(response_dict: Mapping[str, Any], operation_model: Any, **_: object) -> None:
    """Errors are told by their status: what else is in them is for people."""
    if response_dict["status_code"] >= 300:
        return
    protocol = operation_model.service_model.protocol
    if fault := fault_of(response_dict["headers"], response_dict["body"], is_json=protocol in _JSON):
        raise BrokenAnswerError(operation=operation_model.name, fault=fault)


def fault_of(headers: Mapping[str, str], body: object, *, is_json: bool) -> str | None:
    """What is wrong with a good answer; a body that is still to be read tells by itself when it breaks off."""
    named = {name.lower(): value for name, value in headers.items()}
    if not _REQUEST_IDS & named.keys():
        return "has no request id: it does not come from AWS"
    if not isinstance(body, bytes) or not body:
        return None
    if int(named.get("content-length", len(body))) != len(body):
        return f"breaks off after {len(body)} of {named['content-length']} bytes"
    return "is no JSON" if is_json and not _is_json(body) else None


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True
