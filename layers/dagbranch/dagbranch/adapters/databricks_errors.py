"""The connector's errors as ours: what the server refused, what passes, and what is the network's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from dagbranch.adapters.databricks_credentials import Credentials
from dagbranch.errors import TransientUpstreamError, UpstreamError

# What a statement meets when somebody else was quicker: the next look at the warehouse decides anew.
OVERTAKEN: Final = frozenset(
    {
        "SCHEMA_ALREADY_EXISTS",
        "SCHEMA_NOT_FOUND",
        "TABLE_OR_VIEW_ALREADY_EXISTS",
        "TABLE_OR_VIEW_NOT_FOUND",
    }
)
ABSENT: Final = frozenset(
    {"SCHEMA_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND", "CATALOG_NOT_FOUND", "NO_SUCH_CATALOG_EXCEPTION"}
)
UNKNOWN_FORM: Final = frozenset({"PARSE_SYNTAX_ERROR", "INVALID_STATEMENT_OR_CLAUSE", "UNSUPPORTED_FEATURE"})
_PASSING: Final = OVERTAKEN | {"TEMPORARILY_UNAVAILABLE"}
_OF_CONCURRENT_WRITERS: Final = "DELTA_CONCURRENT_"
_STARTING: Final = re.compile(r"\b(TEMPORARILY_UNAVAILABLE|RESOURCE_EXHAUSTED)\b")
_CONDITION: Final = re.compile(r"\[([A-Z][A-Z0-9_]+)(?:\.[A-Z0-9_]+)*\]")
_LONGEST_MESSAGE: Final = 500


class BusyError(TransientUpstreamError):
    """The warehouse did not take the request: it is starting, or has too much to do. It can be sent again."""


class BrokenConnectionError(TransientUpstreamError):
    """The network's: what was sent may run, may have run, or may never arrive."""


@contextmanager
def translated(host: str, credentials: Credentials, text: str | None = None) -> Iterator[None]:
    """``text``: the statement that is run; without one it is the session that is opened."""
    from databricks.sql import exc
    from thrift.Thrift import TException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (exc.Error, TException, HTTPError, OSError) as error:
        kind, reason = _told(error)
        aim = f"{_verb(kind)} {_shortened(text)!r}" if text is not None else "could not be connected to"
        raise kind(credentials.redacted(f"the warehouse {host} {aim}: {reason}")) from error


def condition_of(error: BaseException) -> str | None:
    """The server's word for why it refused a statement, such as TABLE_OR_VIEW_NOT_FOUND; None where it did not."""
    from databricks.sql import exc

    if not isinstance(error.__cause__, exc.ServerOperationError):
        return None
    found = _CONDITION.search(str(error.__cause__))
    return found[1] if found else "UNCLASSIFIED"


def raise_together(errors: Sequence[UpstreamError], ran: Sequence[object] = ()) -> None:
    """One error of them all, for good as soon as one is: trying again would not help it."""
    if errors:
        passing = all(isinstance(error, TransientUpstreamError) for error in errors)
        kind = TransientUpstreamError if passing else UpstreamError
        together = kind("\n".join(dict.fromkeys(map(str, errors))))
        together.ran = tuple(ran)
        raise together from errors[0]


def _told(error: Exception) -> tuple[type[UpstreamError], str]:
    """Which of our errors it is, and the reason in the server's own words."""
    from databricks.sql import exc

    said = _first_line(str(error))
    if isinstance(error, exc.ServerOperationError):
        found = _CONDITION.search(str(error))
        passes = found and (found[1] in _PASSING or found[1].startswith(_OF_CONCURRENT_WRITERS))
        return (TransientUpstreamError if passes else UpstreamError), said
    network = _network_reason(error)
    if network:
        return BrokenConnectionError, _first_line(network)
    if _waits(error) or _STARTING.search(str(error)):
        return BusyError, "it is starting, or has too much to do"
    if isinstance(error, exc.RequestError):
        status = error.context.get("http-code") or 0
        return (UpstreamError if 400 <= status < 500 and status not in {408, 429} else BrokenConnectionError), said
    return (BrokenConnectionError if not isinstance(error, exc.Error) else TransientUpstreamError), said


def _waits(error: Exception) -> bool:
    """Whether the connector would have waited and sent it again: HTTP 429 and 503, see the session's settings."""
    from databricks.sql import exc

    return any(isinstance(each, exc.MaxRetryDurationError) for each in (error, *error.args))


def _network_reason(error: BaseException) -> str:
    """The message of the network's error below, which the connector keeps among the arguments of its own."""
    from urllib3.exceptions import HTTPError

    below = [each for each in error.args if isinstance(each, BaseException)]
    for each in (error, *below):
        found: BaseException | None = each
        while found is not None:
            if isinstance(found, HTTPError | OSError):
                return str(found) or type(found).__name__
            found = found.__cause__ or found.__context__
    return ""


def _verb(kind: type[UpstreamError]) -> str:
    return "could not run" if issubclass(kind, TransientUpstreamError) else "refused"


def _first_line(text: str) -> str:
    return _shortened(next((line.strip() for line in text.splitlines() if line.strip()), "no message"))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
