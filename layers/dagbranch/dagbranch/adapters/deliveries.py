"""Webhook deliveries that were taken already: Powertools' idempotency, with its records in the registry's table."""

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

_ONE_DAY_SECONDS: Final = 86_400


class TakenDeliveries:
    def __init__(self, table: str) -> None:
        self._records = DynamoDBPersistenceLayer(table, key_attr="pk", sort_key_attr="sk", expiry_attr="expires_at")

    def once(self, delivery: str, take: Callable[[], None], context: LambdaContext) -> None:
        """Calls ``take``, unless that was done for this delivery within a day: GitHub and a person may send it twice.

        Raises NotYetError while another invocation is at it; where ``take`` fails, the delivery counts as not taken.
        """

        def forward(*, delivery: str) -> None:  # noqa: ARG001 # the key of the record
            take()

        config = IdempotencyConfig(expires_after_seconds=_ONE_DAY_SECONDS, lambda_context=context)
        taking = idempotent_function(
            forward, data_keyword_argument="delivery", persistence_store=self._records, config=config
        )
        try:
            taking(delivery=delivery)
        except IdempotencyAlreadyInProgressError as error:
            raise NotYetError("this delivery is being taken at this moment", retry_seconds=10) from error
        except IdempotencyPersistenceLayerError as error:
            raise TransientUpstreamError(f"noting a delivery: {type(error.__cause__).__name__}") from error
