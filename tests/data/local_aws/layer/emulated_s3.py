"""Signed requests to S3 with the credentials of the environment, without boto3: the layer stays small."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import requests
from requests_aws4auth import AWS4Auth


def put(bucket: str, key: str, body: str) -> None:
    """Puts an object, or raises HTTPError with the status (403 where the role has no right)."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    region, token = os.environ["AWS_REGION"], os.environ["AWS_SESSION_TOKEN"]
    key_id, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    answer = requests.put(
        f"{endpoint}/{bucket}/{key}",
        data=body.encode(),
        headers={"host": urlsplit(endpoint).netloc},  # left to itself, the signer forgets the port
        auth=AWS4Auth(key_id, secret, region, "s3", session_token=token),
        timeout=5,
        verify=os.environ["AWS_CA_BUNDLE"],
    )
    answer.raise_for_status()
