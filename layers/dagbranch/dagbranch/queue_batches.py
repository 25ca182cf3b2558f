"""SQS batches for the handlers: which errors a message is dropped for, brought again later for, or retried for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.event_bus import DelayedQueue
from dagbranch.errors import InvalidEventError, NotYetError, SourceError, SupersededError, TransientUpstreamError
from dagbranch.observability import begin_record, logger, metrics, tracer

_FIRST_BACKOFF_SECONDS: Final = 10
_LONGEST_BACKOFF_SECONDS: Final = 900


def backoff_seconds(receive_count: int) -> int:
    """10 s after the first failure, doubled each time: the queue's own visibility time-out is for dead workers."""
    return min(_FIRST_BACKOFF_SECONDS << min(receive_count - 1, 10), _LONGEST_BACKOFF_SECONDS)


def lease_seconds(context: LambdaContext) -> int:
    """How long a worker holds what it leases: until it would be killed anyway."""
    return context.get_remaining_time_in_millis() // 1000 + 1


def handle_batch(
    event: dict[str, Any], context: LambdaContext, work: Callable[[str], None], queue: DelayedQueue
) -> PartialItemFailureResponse:
    """Calls ``work`` with each message's body; the answer names the messages that SQS has to bring again."""

    @tracer.capture_method(capture_response=False)
    def handle(record: SQSRecord) -> None:
        begin_record()
        try:
            work(record.body)
        except NotYetError as error:
            logger.info("later", extra={"reason": str(error), "retry_seconds": error.retry_seconds})
            queue.bring_again(record.body, error.retry_seconds)
        except (InvalidEventError, SourceError, SupersededError) as error:
            logger.warning("dropped", extra={"kind": type(error).__name__, "reason": str(error)})
            metrics.add_metric(name="MessageDropped", unit="Count", value=1)
        except TransientUpstreamError:
            seconds = backoff_seconds(_receive_count(record))
            logger.exception("failed in passing", extra={"retry_seconds": seconds})
            queue.show_again(record.receipt_handle, seconds)
            raise
        except Exception:
            logger.exception("failed: the queue brings it again")
            raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=handle, processor=processor, context=context)


def _receive_count(record: SQSRecord) -> int:
    return int(record.raw_event.get("attributes", {}).get("ApproximateReceiveCount", 1))
