"""Stores every message of its queue; one whose body asks for a forbidden place fails alone."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import emulated_s3
import requests


def lambda_handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    failures = []
    for record in event["Records"]:
        try:
            store(json.loads(record["body"]), record["messageId"])
        except requests.HTTPError as error:
            logging.getLogger().warning("not stored: %s", error)
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def store(body: dict[str, Any], message_id: str) -> None:
    key = body.get("detail", {}).get("key") or f"stored/{body.get('detail-type', 'message')}/{message_id}"
    emulated_s3.put(os.environ["BUCKET"], key, json.dumps(body))
