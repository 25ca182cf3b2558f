"""GitHub's webhook → the event bus: checked, bounded, and answered as soon as the event is on the bus."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

from dagbranch.domain.commands import command_in
from dagbranch.domain.naming import RELEASE_LANES
from dagbranch.domain.requests import WebhookRequest
from dagbranch.errors import ConfigurationError, InvalidEventError, InvalidSignatureError

USED_EVENTS: Final = frozenset(
    {"deployment", "deployment_status", "issue_comment", "merge_group", "pull_request", "push"}
)
_DELIVERY: Final = re.compile(r"[A-Za-z0-9-]{1,64}")  # GitHub's are GUIDs
_MOST_SECRETS: Final = 2


def signing_secrets(text: str) -> tuple[str, ...]:
    """One secret as plain text; or, while it is changed, both: ``{"secrets": ["new", "old"]}``.

    Raises ConfigurationError, which repeats nothing of the text: with an empty secret everybody could sign.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    found = content.get("secrets") if isinstance(content, dict) else [text]
    given = found if isinstance(found, list) else []
    if not 1 <= len(given) <= _MOST_SECRETS or not all(isinstance(one, str) and one.strip() for one in given):
        raise ConfigurationError(
            "the webhook's secret in Secrets Manager: expected plain text, or while it is changed "
            '{"secrets": ["new", "old"]} with one or two texts that are not empty'
        )
    return tuple(given)


def check_signature(request: WebhookRequest, secrets: Sequence[str]) -> None:
    """Raises InvalidSignatureError unless GitHub signed exactly these bytes with one of these secrets.

    Every secret is tried, each in constant time, so that the time taken tells nothing of which one came close.
    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    given = request.signature.encode(errors="replace")
    matches = [hmac.compare_digest(_signature(secret, request.body), given) for secret in secrets]
    if not any(matches):
        raise InvalidSignatureError("the signature in X-Hub-Signature-256 is missing or wrong")


def receive_webhook(
    request: WebhookRequest, *, secrets: Sequence[str], forward: Callable[[str, str, str], None]
) -> str:
    """Hands a used event's name, payload and delivery to ``forward``, and says what was done.

    Raises InvalidSignatureError, or InvalidEventError for what GitHub would not send; nothing happens then.
    """
    check_signature(request, secrets)
    if request.event_name not in USED_EVENTS:
        return "an event of this kind is not used"
    if not _DELIVERY.fullmatch(request.delivery):
        raise InvalidEventError("the header X-GitHub-Delivery is missing, or no GUID")
    text, payload = _json_object(request.body)
    if not _is_used(request.event_name, payload):
        return f"this {request.event_name} is not used"
    forward(request.event_name, text, request.delivery)
    return "on the bus"


def _signature(secret: str, body: bytes) -> bytes:
    return b"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def _json_object(body: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        text = body.decode()
        payload = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise InvalidEventError("the body is no JSON object: set the webhook's content type to application/json")
    return text, payload


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is Python's, not JSON's: the bus would not take it")


def _is_used(event_name: str, payload: Mapping[str, Any]) -> bool:
    """A cheap look, so that people's talk and answered questions do not travel: the functions look again."""
    match event_name:
        case "issue_comment":
            is_new = payload.get("action") == "created"
            return is_new and _is_command_on_a_pull_request(payload.get("issue"), payload.get("comment"))
        case "merge_group":
            return payload.get("action") == "checks_requested"
        case "push":
            is_there = payload.get("deleted") is not True
            return is_there and _is_to_the_default_branch(payload.get("ref"), payload.get("repository"))
        case "deployment" | "deployment_status":
            return _is_to_a_release_lane(payload.get("deployment"))
        case _:
            return True


def _is_to_the_default_branch(ref: object, repository: object) -> bool:
    branch = repository.get("default_branch") if isinstance(repository, dict) else None
    return isinstance(branch, str) and ref == f"refs/heads/{branch}"


def _is_to_a_release_lane(deployment: object) -> bool:
    """Those of previews are our own, and told of for each commit of each pull request."""
    environment = deployment.get("environment") if isinstance(deployment, dict) else None
    return isinstance(environment, str) and environment in RELEASE_LANES


def _is_command_on_a_pull_request(issue: object, comment: object) -> bool:
    body = comment.get("body") if isinstance(comment, dict) else None
    is_on_a_pull_request = isinstance(issue, dict) and bool(issue.get("pull_request"))
    return is_on_a_pull_request and isinstance(body, str) and command_in(body) is not None
