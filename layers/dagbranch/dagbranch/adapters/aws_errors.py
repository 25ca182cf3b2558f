"""botocore's errors as ours: what passes is transient, everything else is for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from dagbranch.errors import TransientUpstreamError, UpstreamError

_TRANSIENT_CODES = frozenset(
    {
        "ConditionalRequestConflict",
        "ExpiredToken",  # a warm function whose session ended: the next try has another
        "ExpiredTokenException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
    }
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raises UpstreamError, or TransientUpstreamError, that says what was being done."""
    try:
        yield
    except ClientError as error:
        code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = TransientUpstreamError if code in _TRANSIENT_CODES or status == 429 or status >= 500 else UpstreamError
        raise kind(f"{doing}: AWS answered {code}: {error.response.get('Error', {}).get('Message', '')}") from error
    except BotoCoreError as error:
        raise TransientUpstreamError(f"{doing}: AWS could not be asked: {error}") from error


def code_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")
