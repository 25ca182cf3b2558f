"""What the connector raises, as our errors: what passes and what does not, in words without a secret."""

from __future__ import annotations

from typing import Any

import pytest
from databricks.sql import exc as connector
from urllib3.exceptions import ProtocolError

from dagbranch.adapters.databricks_credentials import AccessToken
from dagbranch.adapters.databricks_errors import (
    BrokenConnectionError,
    BusyError,
    condition_of,
    raise_together,
    translated,
)
from dagbranch.errors import TransientUpstreamError, UpstreamError

exc: Any = connector  # whose classes have no annotations
TOKEN = AccessToken("dapi-secret")


def raised_for(error: Exception) -> UpstreamError:
    with pytest.raises(UpstreamError) as raised, translated("a.example", TOKEN, "SELECT 1"):
        raise error
    return raised.value


def request_error(below: Exception | None = None, status: int | None = None) -> Exception:
    error: Exception = exc.RequestError("Error during request to server", {"http-code": status}, None, below)
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exc.ServerOperationError("[PARSE_SYNTAX_ERROR] Syntax error"), UpstreamError),
        (exc.ServerOperationError("it went wrong"), UpstreamError),
        (exc.ServerOperationError("[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot"), TransientUpstreamError),
        (exc.ServerOperationError("[DELTA_CONCURRENT_APPEND.WITHOUT_HINT] Files"), TransientUpstreamError),
        (request_error(exc.MaxRetryDurationError("would exceed")), BusyError),
        (exc.MaxRetryDurationError("would exceed"), BusyError),
        (exc.DatabaseError("TEMPORARILY_UNAVAILABLE: starting"), BusyError),
        (request_error(status=403), UpstreamError),
        (request_error(status=500), BrokenConnectionError),
        (request_error(ProtocolError("Connection aborted")), BrokenConnectionError),
        (ProtocolError("Connection aborted"), BrokenConnectionError),
        (ConnectionResetError("reset"), BrokenConnectionError),
        (exc.DatabaseError("something of the server's"), TransientUpstreamError),
    ],
)
def test_an_error_is_for_good_or_passes(error: Exception, kind: type[UpstreamError]) -> None:
    assert type(raised_for(error)) is kind


def test_a_network_error_is_found_below_the_connectors_own() -> None:
    above = exc.MaxRetryDurationError("would exceed")
    above.__context__ = ProtocolError("Connection aborted")

    error = raised_for(request_error(above))

    assert isinstance(error, BrokenConnectionError)
    assert str(error) == "the warehouse a.example could not run 'SELECT 1': Connection aborted"


def test_a_message_is_one_line_without_the_token() -> None:
    error = raised_for(exc.ServerOperationError("\n[X] wrong token dapi-secret\nand a plan"))

    assert str(error) == "the warehouse a.example refused 'SELECT 1': [X] wrong token ***"


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (exc.ServerOperationError("[DELTA_CLONE_UNSUPPORTED_SOURCE] no"), "DELTA_CLONE_UNSUPPORTED_SOURCE"),
        (exc.ServerOperationError("[UNSUPPORTED_FEATURE.SQL_SCRIPTING] no"), "UNSUPPORTED_FEATURE"),
        (exc.ServerOperationError("no word for it"), "UNCLASSIFIED"),
        (ConnectionResetError("[LIKE_A_CONDITION]"), None),
    ],
)
def test_a_condition_is_the_servers_word_for_a_refused_statement(error: Exception, condition: str | None) -> None:
    assert condition_of(raised_for(error)) == condition


def test_several_failures_are_one_for_good_as_soon_as_one_is() -> None:
    with pytest.raises(UpstreamError) as raised:
        raise_together([TransientUpstreamError("passes"), UpstreamError("stays"), UpstreamError("stays")], ["done"])

    assert (type(raised.value), str(raised.value), raised.value.ran) == (UpstreamError, "passes\nstays", ("done",))


def test_failures_that_all_pass_pass_together() -> None:
    with pytest.raises(TransientUpstreamError, match="one"):
        raise_together([TransientUpstreamError("one"), BusyError("two")])


def test_no_failure_is_no_error() -> None:
    raise_together([])
