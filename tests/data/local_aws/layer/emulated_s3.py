"""Signed requests to S3 with the credentials of the environment, without boto3: the layer stays small."""

from __future__ import annotations

import os

import requests
from requests_aws4auth import AWS4Auth


def put(bucket: str, key: str, body: str) -> None:
    """Puts an object, or raises HTTPError with the status (403 where the role has no right)."""
    region, token = os.environ["AWS_REGION"], os.environ["AWS_SESSION_TOKEN"]
    key_id, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    answer = requests.put(
        f"{os.environ['AWS_ENDPOINT_URL']}/{bucket}/{key}",
        data=body.encode(),
        auth=AWS4Auth(key_id, secret, region, "s3", session_token=token),
        timeout=5,
    )
    answer.raise_for_status()
