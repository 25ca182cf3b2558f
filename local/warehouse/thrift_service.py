"""The calls of Databricks' Thrift dialect, answered by Spark: sessions, statements, and the handles to both."""

from __future__ import annotations

import functools
import logging
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import SparkSession

from local.warehouse.columns import transportable
from local.warehouse.faults import Faults
from local.warehouse.operations import Operation, Result, failure_of
from local.warehouse.parameters import arguments
from local.warehouse.wire import T, failed, invalid_handle, ok

logger = logging.getLogger(__name__)

STATEMENTS_AT_ONCE = 64

# What a SQL warehouse lets a session set, in Spark's words; None: accepted and without effect here.
# https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-parameters
SESSION_PARAMETERS = {
    "ansi_mode": "spark.sql.ansi.enabled",
    "timezone": "spark.sql.session.timeZone",
    "legacy_time_parser_policy": "spark.sql.legacy.timeParserPolicy",
    "max_file_partition_bytes": "spark.sql.files.maxPartitionBytes",
    "query_tags": None,
    "statement_timeout": None,
    "use_cached_result": None,
}


class UnknownHandleError(Exception):
    """The client names a session or an operation that is not open."""


@dataclass
class Session:
    spark: SparkSession
    operations: set[bytes] = field(default_factory=set)


def answers_with(response: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Tells an unknown handle in the call's own kind of answer, as Databricks does."""

    def decorate(call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def answer(service: WarehouseService, request: Any) -> Any:
            try:
                return call(service, request)
            except UnknownHandleError as error:
                return response(invalid_handle(str(error)))

        return answer

    return decorate


class WarehouseService:
    """Thrift's handler: one method per call, named by the dialect."""

    def __init__(self, spark: SparkSession, faults: Faults) -> None:
        self._spark = spark
        self._faults = faults
        self._sessions: dict[bytes, Session] = {}
        self._operations: dict[bytes, Operation] = {}
        self._threads = ThreadPoolExecutor(STATEMENTS_AT_ONCE, thread_name_prefix="statement")

    def OpenSession(self, request: Any) -> Any:
        spark = self._spark.newSession()
        try:
            self._faults.refuse("OpenSession")
            _configure(spark, request.configuration or {}, request.initialNamespace)
        except Exception as error:  # noqa: BLE001 -- whatever Spark says is the client's answer
            failure = failure_of(error)
            return T.TOpenSessionResp(failed(failure.message, failure.sql_state), 0)
        handle = _new_handle()
        self._sessions[handle.guid] = Session(spark)
        return T.TOpenSessionResp(
            ok(),
            # From this version on the connector sends a statement's parameters beside its text.
            serverProtocolVersion=T.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8,
            sessionHandle=T.TSessionHandle(handle),
            initialNamespace=request.initialNamespace,
            canUseMultipleCatalogs=True,
        )

    @answers_with(T.TCloseSessionResp)
    def CloseSession(self, request: Any) -> Any:
        session = self._session(request)
        del self._sessions[request.sessionHandle.sessionId.guid]
        for guid in session.operations:
            self._close(guid)
        return T.TCloseSessionResp(ok())

    @answers_with(T.TExecuteStatementResp)
    def ExecuteStatement(self, request: Any) -> Any:
        session, handle = self._session(request), _new_handle()
        tag = uuid.UUID(bytes=handle.guid).hex
        future = self._threads.submit(self._run, session.spark, tag, request.statement, request.parameters)
        operation = Operation(future, interrupt=lambda: session.spark.sparkContext.cancelJobsWithTag(tag))
        self._operations[handle.guid] = operation
        session.operations.add(handle.guid)
        thrift_handle = T.TOperationHandle(handle, T.TOperationType.EXECUTE_STATEMENT, hasResultSet=True)
        direct = request.getDirectResults and self._direct_results(handle.guid, request.getDirectResults.maxRows)
        return T.TExecuteStatementResp(ok(), thrift_handle, direct)

    @answers_with(T.TGetOperationStatusResp)
    def GetOperationStatus(self, request: Any) -> Any:
        operation = self._operation(request)
        operation.wait()
        return operation.status()

    @answers_with(T.TGetResultSetMetadataResp)
    def GetResultSetMetadata(self, request: Any) -> Any:
        return self._operation(request).metadata()

    @answers_with(T.TFetchResultsResp)
    def FetchResults(self, request: Any) -> Any:
        return self._operation(request).fetch(request.maxRows)

    @answers_with(T.TCancelOperationResp)
    def CancelOperation(self, request: Any) -> Any:
        self._operation(request).cancel()
        return T.TCancelOperationResp(ok())

    @answers_with(T.TCloseOperationResp)
    def CloseOperation(self, request: Any) -> Any:
        self._operation(request)
        self._close(request.operationHandle.operationId.guid)
        return T.TCloseOperationResp(ok())

    def _direct_results(self, guid: bytes, max_rows: int) -> Any:
        """What is known within the long poll, so that a short statement costs one request."""
        operation = self._operations[guid]
        operation.wait()
        direct = T.TSparkDirectResults(operationStatus=operation.status())
        if operation.succeeded():
            direct.resultSetMetadata = operation.metadata()
            direct.resultSet = operation.fetch(max_rows)
            if operation.exhausted():
                self._close(guid)
                direct.closeOperation = T.TCloseOperationResp(ok())
        return direct

    def _run(self, spark: SparkSession, tag: str, statement: str, parameters: Any) -> Result:
        started, outcome = time.monotonic(), "failed"
        spark.sparkContext.addJobTag(tag)  # the session's own tags belong to a thread: another cannot cancel by them
        try:
            self._faults.refuse(statement)
            frame = spark.sql(statement, args=arguments(parameters))
            result = Result(frame.schema, transportable(frame).collect())
            outcome = f"{len(result.rows)} rows"
            return result
        finally:
            spark.sparkContext.removeJobTag(tag)
            logger.info(
                "%6.0f ms  %s  %.300s", (time.monotonic() - started) * 1000, outcome, " ".join(statement.split())
            )

    def _session(self, request: Any) -> Session:
        guid = request.sessionHandle.sessionId.guid
        if guid not in self._sessions:
            raise UnknownHandleError(f"Invalid SessionHandle: SessionHandle [{uuid.UUID(bytes=guid)}]")
        return self._sessions[guid]

    def _operation(self, request: Any) -> Operation:
        guid = request.operationHandle.operationId.guid
        if guid not in self._operations:
            raise UnknownHandleError(f"Invalid OperationHandle: OperationHandle [{uuid.UUID(bytes=guid)}]")
        return self._operations[guid]

    def _close(self, guid: bytes) -> None:
        operation = self._operations.pop(guid, None)
        if operation:
            operation.cancel()


def _configure(spark: SparkSession, configuration: dict[str, str], namespace: Any) -> None:
    for name, value in configuration.items():
        if name.startswith("spark.thriftserver."):
            continue  # the connector's own, about Arrow
        key = SESSION_PARAMETERS.get(name.lower(), name)
        if key:
            spark.conf.set(key, value)
    if namespace and namespace.catalogName:
        spark.catalog.setCurrentCatalog(namespace.catalogName)
    if namespace and namespace.schemaName:
        spark.catalog.setCurrentDatabase(namespace.schemaName)


def _new_handle() -> Any:
    return T.THandleIdentifier(uuid.uuid4().bytes, uuid.uuid4().bytes)
