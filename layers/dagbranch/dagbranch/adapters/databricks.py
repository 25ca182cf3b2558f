"""The warehouse, through the Databricks SQL connector: tells what exists, and runs statements that pass the fence.

The connector is imported with the first connection, because it costs half a second and only some functions have it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Self

from dagbranch.domain import questions as sql
from dagbranch.domain.data_plan import ExistingSchema, Kind, Seed
from dagbranch.domain.fence import Fence
from dagbranch.domain.questions import Question
from dagbranch.domain.statements import SEED_PROPERTY, Statement
from dagbranch.errors import TransientUpstreamError, UpstreamError

if TYPE_CHECKING:
    from databricks.sql.client import Connection

# What a statement meets when somebody else was quicker: the next look at the warehouse decides anew.
_OVERTAKEN: Final = frozenset(
    {
        "SCHEMA_ALREADY_EXISTS",
        "SCHEMA_NOT_FOUND",
        "TABLE_OR_VIEW_ALREADY_EXISTS",
        "TABLE_OR_VIEW_NOT_FOUND",
        "TEMPORARILY_UNAVAILABLE",
    }
)
_ERROR_CLASS: Final = re.compile(r"\[([A-Z][A-Z0-9_]+)(?:\.[A-Z0-9_]+)*\]")
_LONGEST_MESSAGE: Final = 500


@dataclass(frozen=True)
class Patience:
    """The connector's own defaults (900 s a request, 30 attempts in 900 s) would outlast any Lambda."""

    request_seconds: float = 120
    retry_seconds: float = 30
    attempts: int = 8


class DatabricksWarehouse:
    """One SQL warehouse. Connects when first asked, and trusts the authorities of ``SSL_CERT_FILE``."""

    def __init__(self, *, host: str, http_path: str, access_token: str, patience: Patience | None = None) -> None:
        """``host`` may carry a port: ``localhost:8443``."""
        self._address = (host, http_path, access_token, patience or Patience())
        self._session = _Session(*self._address)

    def tables(self, schemas: Collection[str]) -> dict[str, dict[str, Kind]]:
        """What is in these schemas, by full name; one that does not exist is not in the answer."""
        return {schema: self._kinds(schema) for schema in self._present(schemas)}

    def existing(self, schemas: Collection[str]) -> dict[str, ExistingSchema]:
        """These schemas as they stand, with comments and seed notes; one that does not exist is not in the answer."""
        return {schema: self._existing(schema) for schema in self._present(schemas)}

    def execute(self, statements: Sequence[Statement], fence: Fence) -> None:
        """Runs them in order, none before all have passed the fence; an error names the statement that failed."""
        for statement in statements:
            fence.check(statement)
        for statement in statements:
            self._session.run(statement.sql)

    def seed(self, seeds: Sequence[Seed], fence: Fence, *, sessions: int = 4) -> None:
        """Runs them beside each other; one that fails does not keep the others, and all failures are told together."""
        for statement in (statement for seed in seeds for statement in seed.statements):
            fence.check(statement)
        if seeds:
            _raise_together(self._run_seeds(seeds, min(sessions, len(seeds))))

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _present(self, schemas: Collection[str]) -> list[str]:
        present = []
        for schema in schemas:
            try:
                self._session.ask(sql.describe_schema(schema))
            except UpstreamError as error:
                if "SCHEMA_NOT_FOUND" not in str(error):
                    raise
            else:
                present.append(schema)
        return sorted(present)

    def _kinds(self, schema: str) -> dict[str, Kind]:
        names = _permanent(self._session.ask(sql.show_tables(schema)))
        views = _permanent(self._session.ask(sql.show_views(schema)))
        return {name: "view" if name in views else "table" for name in sorted(names)}

    def _existing(self, schema: str) -> ExistingSchema:
        kinds = self._kinds(schema)
        notes = {name: self._seed_note(f"{schema}.{name}") for name, kind in kinds.items() if kind == "table"}
        return ExistingSchema(self._comment(schema), kinds, {name: note for name, note in notes.items() if note})

    def _comment(self, schema: str) -> str | None:
        described = {str(row[0]).lower(): row[1] for row in self._session.ask(sql.describe_schema(schema))}
        # Unity Catalog and Spark say Comment, the older catalog of a workspace Description.
        return described.get("comment", described.get("description"))

    def _seed_note(self, table: str) -> str | None:
        # Asked for all properties: asked for one that is not there, the answer is a sentence in its place.
        return (
            json.loads(self._session.ask(sql.describe_table(table))[0][0])
            .get("table_properties", {})
            .get(SEED_PROPERTY)
        )

    def _run_seeds(self, seeds: Sequence[Seed], sessions: int) -> list[UpstreamError]:
        free: SimpleQueue[_Session] = SimpleQueue()
        opened = [_Session(*self._address) for _ in range(sessions)]
        for session in opened:
            free.put(session)

        def run(seed: Seed) -> UpstreamError | None:
            session = free.get()
            try:
                for statement in seed.statements:
                    session.run(statement.sql)
            except UpstreamError as error:
                return error
            finally:
                free.put(session)
            return None

        try:
            with ThreadPoolExecutor(sessions) as threads:
                return [error for error in threads.map(run, seeds) if error]
        finally:
            for session in opened:
                session.close()


class _Session:
    """One connection, for one thread: a shared one works, but takes turns."""

    def __init__(self, host: str, http_path: str, access_token: str, patience: Patience) -> None:
        name, _, port = host.removeprefix("https://").rstrip("/").partition(":")
        self._name, self._port = name, int(port or 443)
        self._http_path, self._access_token, self._patience = http_path, access_token, patience
        self._connection: Connection | None = None

    def ask(self, question: Question) -> list[Any]:
        return self.run(question.sql)

    def run(self, text: str) -> list[Any]:
        try:
            with self._translated(text), self._connected().cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall()
        except TransientUpstreamError:
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # The connector itself swallows what goes wrong in closing a session.
            connection.close()

    def _connected(self) -> Connection:
        if self._connection is None:
            from databricks.sql import connect

            self._connection = connect(
                server_hostname=self._name,
                http_path=self._http_path,
                access_token=self._access_token,
                user_agent_entry="dagbranch",
                enable_telemetry=False,  # it would make a blocking call of its own, for half a minute at worst
                use_cloud_fetch=False,  # wants pyarrow, which does not fit a layer
                _port=self._port,
                _socket_timeout=self._patience.request_seconds,
                _retry_stop_after_attempts_count=self._patience.attempts,
                _retry_stop_after_attempts_duration=self._patience.retry_seconds,
                _retry_delay_min=1,
                _retry_delay_max=10,
            )
        return self._connection

    @contextmanager
    def _translated(self, text: str) -> Iterator[None]:
        """The connector's errors as ours, in the server's own words, without the token."""
        from databricks.sql import exc
        from thrift.Thrift import TException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except (exc.Error, TException, HTTPError, OSError) as error:
            kind = _kind_of(error)
            said = _first_line(str(error)).replace(self._access_token, "***")
            verb = "could not run" if kind is TransientUpstreamError else "refused"
            raise kind(f"the warehouse {self._name} {verb} {_shortened(text)!r}: {said}") from error


def _kind_of(error: Exception) -> type[UpstreamError]:
    from databricks.sql import exc

    if isinstance(error, exc.ServerOperationError):
        found = _ERROR_CLASS.search(str(error))
        return TransientUpstreamError if found and found[1] in _OVERTAKEN else UpstreamError
    if isinstance(error, exc.RequestError):
        status = error.context.get("http-code") or 0
        return UpstreamError if 400 <= status < 500 and status not in {408, 429} else TransientUpstreamError
    return TransientUpstreamError


def _raise_together(errors: Sequence[UpstreamError]) -> None:
    """One error of them all, for good as soon as one is: trying again would not help it."""
    if errors:
        passing = all(isinstance(error, TransientUpstreamError) for error in errors)
        kind = TransientUpstreamError if passing else UpstreamError
        raise kind("\n".join(str(error) for error in errors)) from errors[0]


def _permanent(rows: Iterable[Any]) -> set[str]:
    """The names of SHOW TABLES or SHOW VIEWS: (schema, name, is temporary, …)."""
    return {str(row[1]).lower() for row in rows if not row[2]}


def _first_line(text: str) -> str:
    return _shortened(next((line.strip() for line in text.splitlines() if line.strip()), "no message"))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
