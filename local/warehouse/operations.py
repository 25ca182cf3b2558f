"""One statement's life on the server: it runs in a thread, is asked for its state, fetched from, and cancelled."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql.types import StructType

from local.warehouse import columns
from local.warehouse.faults import RefusedError
from local.warehouse.wire import T, ok

LONG_POLL_SECONDS = 5.0  # the connector asks again at once, so the server is the one that waits
BETWEEN_INTERRUPTIONS_SECONDS = 0.2
UNCLASSIFIED = "XX000"  # SQLSTATE of what Spark gives none

_BRIDGE = re.compile(r"An error occurred while calling \w+\.\w+\.\n: (?:[\w.$]+: )?")  # py4j's, not Spark's
_STACK = re.compile(r"(\n\nJVM stacktrace:|\n\tat ).*", re.DOTALL)
_PLAN = re.compile(r"(SQLSTATE: \w{5}(?:; line \d+ pos \d+)?);\n.*", re.DOTALL)


@dataclass(frozen=True)
class Result:
    schema: StructType  # as Spark has it; the rows are transportable
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Failure:
    sql_state: str
    message: str
    detail: str


def failure_of(error: BaseException) -> Failure:
    """What Databricks tells the client: Spark's message with condition and SQLSTATE, without stack and query plan."""
    message = _PLAN.sub(r"\1", _STACK.sub("", _BRIDGE.sub("", str(error)))).strip()
    if isinstance(error, RefusedError):
        return Failure(UNCLASSIFIED, message, message)
    sql_state = (error.getSqlState() if isinstance(error, PySparkException) else None) or UNCLASSIFIED
    if "SQLSTATE" not in message:
        message = f"{message} SQLSTATE: {sql_state}"
    return Failure(sql_state, message, f"{type(error).__name__}: {error}")


class Operation:
    """Thrift's view of a statement that runs as ``future``; ``interrupt`` ends its Spark jobs."""

    def __init__(self, future: Future[Result], interrupt: Callable[[], object]) -> None:
        self._future = future
        self._interrupt = interrupt
        self._cancelled = False
        self._position = 0

    def wait(self) -> None:
        wait([self._future], LONG_POLL_SECONDS)

    def cancel(self) -> None:
        if not self._future.done():
            self._cancelled = True
            threading.Thread(target=self._interrupt_until_done, daemon=True).start()

    def succeeded(self) -> bool:
        return bool(self._state() == T.TOperationState.FINISHED_STATE)

    def exhausted(self) -> bool:
        return self._position >= len(self._future.result().rows)

    def status(self) -> Any:
        answer = T.TGetOperationStatusResp(ok(), operationState=self._state(), hasResultSet=True)
        if answer.operationState == T.TOperationState.ERROR_STATE:
            failure = failure_of(self._error())
            answer.sqlState = failure.sql_state
            answer.errorMessage = answer.displayMessage = failure.message
            answer.diagnosticInfo = failure.detail
        return answer

    def metadata(self) -> Any:
        return T.TGetResultSetMetadataResp(
            ok(),
            columns.table_schema(self._future.result().schema),
            resultFormat=T.TSparkRowSetType.COLUMN_BASED_SET,
            lz4Compressed=False,
            isStagingOperation=False,
        )

    def fetch(self, max_rows: int) -> Any:
        result, start = self._future.result(), self._position
        rows = result.rows[start : start + max_rows]
        self._position += len(rows)
        return T.TFetchResultsResp(
            ok(), not self.exhausted(), columns.row_set(result.schema, rows, start), self.metadata()
        )

    def _interrupt_until_done(self) -> None:
        """Again and again, because Spark forgets an interruption that comes before the statement's next job."""
        while not self._future.cancel() and not self._future.done():
            self._interrupt()
            wait([self._future], BETWEEN_INTERRUPTIONS_SECONDS)

    def _state(self) -> Any:
        if self._cancelled:
            return T.TOperationState.CANCELED_STATE
        if not self._future.done():
            return T.TOperationState.RUNNING_STATE
        return T.TOperationState.ERROR_STATE if self._future.exception() else T.TOperationState.FINISHED_STATE

    def _error(self) -> BaseException:
        error = self._future.exception()
        assert error is not None
        return error
