"""What every message of a queue has around its content: EventBridge's envelope, and the parsing that tells faults."""

from __future__ import annotations

import json
from typing import Any, Final

from aws_lambda_powertools.utilities.parser import BaseModel, ValidationError, parse
from aws_lambda_powertools.utilities.parser.models import EventBridgeModel

from dagbranch.errors import InvalidEventError

GITHUB: Final = "github.com"
DAGBRANCH: Final = "dagbranch"
S3: Final = "aws.s3"
SCHEDULE: Final = "aws.events"


class BusEvent(EventBridgeModel):
    detail: dict[str, Any]

    @property
    def delivery(self) -> str:
        """GitHub's id of the delivery, which the webhook's function puts beside the payload; else the event's own."""
        return self.resources[0] if self.resources else self.id


def bus_event(body: str) -> BusEvent:
    return parsed(BusEvent, json_in(body))


def json_in(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidEventError("the message is no JSON") from None


def parsed[M: BaseModel](model: type[M], payload: dict[str, Any]) -> M:
    try:
        return parse(event=payload, model=model)
    except (ValidationError, ValueError) as error:
        raise InvalidEventError(f"no {model.__name__}: {_faults(error)}") from None


def _faults(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3])
    return type(error).__name__
