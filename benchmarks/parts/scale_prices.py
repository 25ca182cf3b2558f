"""What requests cost at AWS's list prices for us-east-1, without any free tier.

From the services' pricing pages (aws.amazon.com/{lambda,dynamodb,s3,sqs,eventbridge}/pricing), as of 2025: DynamoDB's
are those since November 2024. Look there before you count on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from benchmarks.parts.scale_meter import Tally
from tests.fakes.template import RESOURCES, TEMPLATE

AS_OF: Final = "2025, us-east-1"
LAMBDA_GB_SECOND: Final = 0.0000166667  # x86, first tier
LAMBDA_REQUEST: Final = 0.20 / 1_000_000
DYNAMODB_WRITE_UNIT: Final = 0.625 / 1_000_000  # on demand, standard table class
DYNAMODB_READ_UNIT: Final = 0.125 / 1_000_000
S3_PUT: Final = 0.005 / 1_000  # PUT, COPY, POST, LIST
S3_GET: Final = 0.0004 / 1_000  # GET, HEAD and all others
SQS_REQUEST: Final = 0.40 / 1_000_000  # a standard queue
EVENTBRIDGE_EVENT: Final = 1.00 / 1_000_000  # custom events, of 64 KB at most

_LIKE_A_GET: Final = frozenset({"S3 GetObject", "S3 HeadObject"})  # DeleteObjects is a POST: counted, to be safe
_REQUESTS_OF_A_MESSAGE: Final = 3  # it is sent, received and deleted


def dollars(tally: Tally) -> dict[str, float]:
    """By service. A Lambda is counted as long as the work took here, whatever else the machine did."""
    messages = tally.invocations.total()
    return {
        "Lambda": messages * LAMBDA_REQUEST
        + sum(seconds * memory_gigabytes(function) * LAMBDA_GB_SECOND for function, seconds in tally.seconds.items()),
        "DynamoDB": tally.read_units * DYNAMODB_READ_UNIT + tally.write_units * DYNAMODB_WRITE_UNIT,
        "S3": _s3(tally.requests),
        "SQS": (messages * _REQUESTS_OF_A_MESSAGE + tally.of("SQS")) * SQS_REQUEST,
        "EventBridge": tally.events * EVENTBRIDGE_EVENT,
    }


def memory_gigabytes(function: str) -> float:
    """As the template gives it to the function of this name, in its own letters: ``remove_environment``."""
    return _property(function, "MemorySize") / 1024


def timeout_seconds(function: str) -> int:
    return _property(function, "Timeout")


def _property(function: str, name: str) -> int:
    properties = RESOURCES[function.title().replace("_", "")]["Properties"]
    value: int = properties.get(name) or TEMPLATE["Globals"]["Function"][name]
    return value


def _s3(requests: Mapping[str, int]) -> float:
    asked = {name: count for name, count in requests.items() if name.startswith("S3 ")}
    return sum(count * (S3_GET if name in _LIKE_A_GET else S3_PUT) for name, count in asked.items())
