"""Webhook deliveries that were taken already: Powertools' idempotency, with its records in the registry's table.

They are known by their bodies, which GitHub signs; the delivery's id is in a header, which it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyPersistenceLayerError,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.errors import NotYetError, TransientUpstreamError

_KEPT_SECONDS: Final = 7 * 86_400  # a command is obeyed for less than that


class TakenDeliveries:
    def __init__(self, table: str) -> None:
        self._records = DynamoDBPersistenceLayer(table, key_attr="pk", sort_key_attr="sk", expiry_attr="expires_at")

    def once(self, body: str, take: Callable[[], None], context: LambdaContext) -> None:
        """Calls ``take``, unless that was done for this body within a week, whatever its delivery was called.

        Raises NotYetError while another invocation is at it; where ``take`` fails, the delivery counts as not taken.
        """

        def forward(*, body: str) -> None:  # noqa: ARG001 # the record's key is made of it
            take()

        config = IdempotencyConfig(expires_after_seconds=_KEPT_SECONDS, hash_function="sha256", lambda_context=context)
        taking = idempotent_function(
            forward, data_keyword_argument="body", persistence_store=self._records, config=config
        )
        try:
            taking(body=body)
        except IdempotencyAlreadyInProgressError as error:
            raise NotYetError("this delivery is being taken at this moment", retry_seconds=10) from error
        except IdempotencyPersistenceLayerError as error:
            raise TransientUpstreamError(f"noting a delivery: {type(error.__cause__).__name__}") from error
