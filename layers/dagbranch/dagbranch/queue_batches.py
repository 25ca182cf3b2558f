"""SQS batches for the handlers: which errors a message is dropped for, brought again for, or given up for."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dagbranch.adapters.queues import WorkQueue
from dagbranch.errors import (
    DagbranchError,
    InvalidEventError,
    NotYetError,
    SourceError,
    SupersededError,
    TransientUpstreamError,
    UpstreamError,
    is_for_good,
)
from dagbranch.observability import begin_record, logger, metrics, tracer

_FIRST_BACKOFF_SECONDS: Final = 10
_LONGEST_BACKOFF_SECONDS: Final = 900
_LOGGED: Final = ("reason", "kind")


def backoff_seconds(receive_count: int) -> int:
    """10 s after the first failure, doubled each time: the queue's own visibility time-out is for dead workers."""
    return min(_FIRST_BACKOFF_SECONDS << min(receive_count - 1, 10), _LONGEST_BACKOFF_SECONDS)


def lease_seconds(context: LambdaContext) -> int:
    """How long a worker holds what it leases: until it would be killed anyway."""
    return context.get_remaining_time_in_millis() // 1000 + 1


def handle_batch(
    event: dict[str, Any], context: LambdaContext, work: Callable[[str], None], queue: WorkQueue
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
        except (SourceError, SupersededError) as error:
            logger.warning("dropped", extra={"kind": type(error).__name__, "reason": str(error)})
            metrics.add_metric(name="MessageDropped", unit="Count", value=1)
        except Exception as error:
            if _is_poison(error) or queue.is_last(_receive_count(record)):
                _give_up(record, error, context.function_name, queue)
            else:
                _bring_again(record, error, queue)
                raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=handle, processor=processor, context=context)


def _is_poison(error: Exception) -> bool:
    """Whether the next try would end in the same way."""
    return isinstance(error, InvalidEventError) or (isinstance(error, UpstreamError) and is_for_good(error))


def _bring_again(record: SQSRecord, error: Exception, queue: WorkQueue) -> None:
    asked = error.retry_seconds if isinstance(error, TransientUpstreamError) else 0
    seconds = max(backoff_seconds(_receive_count(record)), asked)
    logger.exception("failed: the queue brings it again", extra={"retry_seconds": seconds})
    queue.show_again(record.receipt_handle, seconds)


def _give_up(record: SQSRecord, error: Exception, function: str, queue: WorkQueue) -> None:
    """Raises UpstreamError where the dead-letter queue does not take it: the message stays with its own queue."""
    told = {
        "reason": _reason(error),
        "kind": type(error).__name__,
        "function": function,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    logger.exception("failed for good: it goes to the dead-letter queue", extra={name: told[name] for name in _LOGGED})
    queue.give_up(record.body, told)
    metrics.add_metric(name="MessageGivenUp", unit="Count", value=1)


def _reason(error: Exception) -> str:
    """Our own errors are made for a person, without secrets; of others, whose text may hold any, only the place."""
    if isinstance(error, DagbranchError):
        return str(error)
    (place,) = traceback.extract_tb(error.__traceback__)[-1:] or [traceback.FrameSummary("?", 0, "?")]
    return f"unexpected {type(error).__name__} in {place.name} ({PurePath(place.filename).name}, line {place.lineno})"


def _receive_count(record: SQSRecord) -> int:
    return int(record.raw_event.get("attributes", {}).get("ApproximateReceiveCount", 1))
