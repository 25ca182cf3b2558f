"""Messages as EventBridge puts them into a queue, around GitHub's own examples and whatever else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def from_github(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / f"tests/data/github/{name}.json").read_text())
    return content


def on_the_bus(detail: Any, **different: Any) -> str:
    """A message of a queue, as EventBridge puts it there."""
    usual = {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "pull_request",
        "source": "github.com",
        "account": "111122223333",
        "time": "2026-11-21T09:00:00Z",
        "region": "eu-central-1",
        "resources": ["72d3162e-cc78-11e3-81ab-4c9367dc0958"],
        "detail": detail,
    }
    return json.dumps(usual | different)


def s3_event(key: str) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    detail = {
        "version": "0",
        "bucket": {"name": "acme-sources"},
        "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184", "sequencer": "617f08299329d189"},
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "source-ip-address": "1.2.3.4",
        "reason": "PutObject",
    }
    return on_the_bus(
        detail,
        **{"detail-type": "Object Created", "source": "aws.s3", "resources": ["arn:aws:s3:::acme-sources"]},
    )
