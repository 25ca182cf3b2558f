"""Secrets by reference: Secrets Manager through Powertools' cache, so that a rotated one is taken up in minutes."""

from __future__ import annotations

from functools import cache
from typing import Final

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from dagbranch.errors import TransientUpstreamError

_CACHED_FOR_SECONDS: Final = 300


@cache
def secrets() -> SecretsProvider:
    """The one provider of this process, with its cache."""
    return SecretsProvider()


def secret_text(provider: SecretsProvider, reference: str) -> str:
    """The secret's text. Raises TransientUpstreamError that names the reference, never the value."""
    try:
        value = provider.get(reference, max_age=_CACHED_FOR_SECONDS)
    except GetParameterError as error:
        raise TransientUpstreamError(
            f"the secret {reference} cannot be read: {type(error.__cause__).__name__}"
        ) from None
    if not isinstance(value, str):
        raise TransientUpstreamError(f"the secret {reference} is no text")
    return value.strip()
