"""Requests, answers and errors of the REST API, with the bodies that GitHub gives them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True)
class Request:
    """``path`` is decoded and without the API's prefix; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Answer:
    """``body`` is sent at once, or in pieces as they come."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, headers: Mapping[str, str]) -> Answer:
        return Answer(self.status, self.body, {**headers, **self.headers})


class ApiError(Exception):
    """An answer that is not what was asked for."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers

    def answer(self) -> Answer:
        body: dict[str, Any] = {"message": self.message}
        if self.errors:
            body["errors"] = self.errors
        shown = {**body, "documentation_url": _DOCUMENTATION, "status": str(self.status)}
        return json_answer(shown, self.status, self.headers)


def not_found() -> ApiError:
    """What GitHub says of what is not there and of what the token may not know of."""
    return ApiError(404, "Not Found")


def failed_validation(resource: str, field: str, code: str, message: str | None = None) -> ApiError:
    """What GitHub says of a value that is of the right form, and not allowed."""
    told = {"resource": resource, "code": code, "field": field}
    return ApiError(422, "Validation Failed", [told | ({"message": message} if message else {})])


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return Answer(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})
