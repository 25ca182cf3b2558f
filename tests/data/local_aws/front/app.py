"""Does what its event asks for, to show how the sandbox treats a function: echo, fail, sleep, exit, look around."""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CALLS: list[str] = []


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    CALLS.append(context.aws_request_id)
    if "requestContext" in event:
        return answered(event)
    match event.get("do"):
        case "fail":
            raise ValueError("this is what went wrong" + " …" * 600)
        case "sleep":
            time.sleep(event["seconds"])
        case "exit":
            os._exit(3)
        case "write":
            (Path(tempfile.gettempdir()) / "left").write_text("over")
    return {
        "process": os.getpid(),
        "calls": len(CALLS),
        "path": sys.path,
        "environment": dict(os.environ),
        "temporary": tempfile.gettempdir(),
        "remaining_ms": context.get_remaining_time_in_millis(),
        "event": event,
    }


def answered(event: dict[str, Any]) -> dict[str, Any]:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    return {"statusCode": 202, "body": json.dumps({"got": body, "path": event["rawPath"], "headers": event["headers"]})}
