"""What an upstream says when it is overloaded, broken, or when something else answers in its place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

RUBBISH: Final = b"<html><body>Welcome to the guest network. Please log in.</body></html>"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(default_factory=tuple)


def throttled(upstream: str) -> Answer:
    """With ``Retry-After``, as GitHub, MWAA's web server and a Databricks workspace send it."""
    again = ("Retry-After", "1")
    match upstream:
        case "s3":
            return _xml(429, "SlowDown", again)
        case "github" | "mwaa-cli" | "warehouse":
            return _json(429, {"message": "Too many requests"}, again)
        case _:
            return _json(429, {"__type": "ThrottlingException", "message": "Rate exceeded"}, again)


def broken(upstream: str) -> Answer:
    match upstream:
        case "s3":
            return _xml(500, "InternalError")
        case "github" | "mwaa-cli" | "warehouse":
            return _json(500, {"message": "Internal server error"})
        case _:
            return _json(500, {"__type": "InternalServerError", "message": "Internal server error"})


def rubbish() -> Answer:
    return Answer(200, RUBBISH, (("Content-Type", "text/html"),))


def _json(status: int, body: object, *more: tuple[str, str]) -> Answer:
    return Answer(status, json.dumps(body).encode(), (("Content-Type", "application/json"), *more))


def _xml(status: int, code: str, *more: tuple[str, str]) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    return Answer(status, body, (("Content-Type", "application/xml"), *more))
