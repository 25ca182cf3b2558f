"""What was asked of the REST API and what was answered, kept for those who hold it against GitHub's schemas."""

from __future__ import annotations

from dataclasses import dataclass

from local.github.rest.messages import Answer, Request


@dataclass(frozen=True)
class Exchange:
    """``path`` is without the API's prefix and query; bodies are JSON, or empty."""

    method: str
    path: str
    sent: bytes
    status: int
    answered: bytes


def exchange_of(request: Request, answer: Answer) -> Exchange | None:
    """None where the answer is no JSON, as an archive is none."""
    is_json = "json" in answer.headers.get("Content-Type", "") or answer.status == 204
    if not is_json or not isinstance(answer.body, bytes):
        return None
    return Exchange(request.method, request.path, request.body, answer.status, answer.body)
