"""Secrets on Secrets Manager (moto), through Powertools' cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from moto import mock_aws

from dagbranch.adapters.secrets import secret_text
from dagbranch.errors import TransientUpstreamError

REGION = "eu-central-1"


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    with mock_aws():
        yield boto3.client("secretsmanager", region_name=REGION)


@pytest.fixture
def provider(manager: Any) -> SecretsProvider:
    return SecretsProvider(boto3_client=manager)


def test_a_secret_is_its_text_by_name_and_by_arn(manager: Any, provider: SecretsProvider) -> None:
    arn = manager.create_secret(Name="webhook", SecretString=" made-up secret\n")["ARN"]

    assert secret_text(provider, "webhook") == "made-up secret"
    assert secret_text(provider, arn) == "made-up secret"


def test_a_secret_is_asked_for_once_in_a_while(manager: Any, provider: SecretsProvider) -> None:
    manager.create_secret(Name="webhook", SecretString="first")
    assert secret_text(provider, "webhook") == "first"

    manager.put_secret_value(SecretId="webhook", SecretString="second")

    assert secret_text(provider, "webhook") == "first"
    assert secret_text(SecretsProvider(boto3_client=manager), "webhook") == "second"


def test_a_secret_that_is_not_there_is_named(provider: SecretsProvider) -> None:
    with pytest.raises(TransientUpstreamError, match="the secret missing cannot be read"):
        secret_text(provider, "missing")


def test_a_secret_that_is_no_text_is_named_and_not_told(manager: Any, provider: SecretsProvider) -> None:
    manager.create_secret(Name="binary", SecretBinary=b"made-up\xff")

    with pytest.raises(TransientUpstreamError, match="the secret binary is no text") as error:
        secret_text(provider, "binary")
    assert "made-up" not in str(error.value)
