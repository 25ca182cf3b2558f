"""One connection to the warehouse, for one thread at a time: opens it, runs a statement, waits, gives up, closes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final, Self

from dagbranch.adapters.databricks_credentials import Credentials
from dagbranch.adapters.databricks_errors import BrokenConnectionError, BusyError, translated
from dagbranch.errors import DagbranchError, TransientUpstreamError, UpstreamError

if TYPE_CHECKING:
    from databricks.sql.client import Connection, Cursor

_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0
# The connector sends again what may have run already, a script among it, and waits at least 5 s before. With these it
# never does: its first pause would end after the time that it has. What can be sent again is known here.
_NEVER_AGAIN: Final = {
    "_retry_stop_after_attempts_duration": 1,
    "_retry_stop_after_attempts_count": 1,
    "_retry_delay_min": 5,
    "_retry_delay_max": 5,
}


@dataclass(frozen=True)
class Patience:
    """How long to wait; the connector's own defaults (15 minutes for each) would outlast any Lambda."""

    request_seconds: float = 60  # for one answer: a warehouse answers every few seconds also while a statement runs
    starting_seconds: float = 120  # for a warehouse that says that it is starting
    statement_seconds: float = 400  # for a statement, which then is cancelled

    @classmethod
    def within(cls, seconds: float) -> Self:
        """What a Lambda with this time-out can wait, and still tell it."""
        return cls(min(60, seconds / 10), seconds / 5, seconds * 2 / 3)


@dataclass(frozen=True)
class Address:
    """Where the warehouse is, and as whom to come. ``host`` may carry a port: ``localhost:8443``."""

    host: str
    http_path: str
    credentials: Credentials

    @property
    def name(self) -> str:
        return self.host.partition(":")[0]

    @property
    def port(self) -> int:
        return int(self.host.partition(":")[2] or 443)


@dataclass
class Reach:
    """What the sessions of one warehouse tell each other: why nobody could connect, so that not each of them waits."""

    failed: UpstreamError | None = None


class Session:
    """Connects when first used, and again after a connection that broke."""

    def __init__(
        self, address: Address, patience: Patience, reach: Reach, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._address, self._patience, self._reach, self._sleep = address, patience, reach, sleep
        self._connection: Connection | None = None

    def run(self, text: str, *, about: str | None = None) -> list[Any]:
        """The rows of one statement, which an error calls ``about``.

        Raises UpstreamError, with the connector's own error as its cause.
        """
        connection = self._connected()
        try:
            return self._patiently(lambda: self._executed(connection, text, about or text))
        except BrokenConnectionError:
            # Also ends what the server still runs of it, so that it does not get in the way of the next try.
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # The connector itself swallows what goes wrong in closing a session.
            connection.close()

    def _executed(self, connection: Connection, text: str, about: str) -> list[Any]:
        with translated(self._address.name, self._address.credentials, about), connection.cursor() as cursor:
            with self._cancelled_when_late(cursor, about):
                cursor.execute(text)
            return cursor.fetchall()

    @contextmanager
    def _cancelled_when_late(self, cursor: Cursor, about: str) -> Iterator[None]:
        ended, late = Event(), Event()
        watch = Thread(target=self._cancel_when_late, args=(cursor, ended, late), daemon=True)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            if late.is_set():
                raise TransientUpstreamError(
                    f"the warehouse {self._address.name} did not end {about[:200]!r} "
                    f"within {self._patience.statement_seconds:g} s: it was cancelled"
                )

    def _cancel_when_late(self, cursor: Cursor, ended: Event, late: Event) -> None:
        """Again and again, because a statement can be cancelled only when the warehouse has given it an id."""
        pause = self._patience.statement_seconds
        while not ended.wait(pause):
            late.set()
            pause = 1.0
            with suppress(DagbranchError), translated(self._address.name, self._address.credentials):
                if cursor.active_command_id is not None:
                    cursor.cancel()

    def _connected(self) -> Connection:
        if self._connection is None:
            if self._reach.failed:
                raise self._reach.failed
            try:
                self._connection = self._patiently(self._opened)
            except UpstreamError as error:
                self._reach.failed = error
                raise
        return self._connection

    def _opened(self) -> Connection:
        from databricks.sql import connect

        credentials = self._address.credentials
        credentials.token()  # what is wrong with it is told here, not among the connector's own errors
        with translated(self._address.name, credentials):
            return connect(
                server_hostname=self._address.name,
                http_path=self._address.http_path,
                credentials_provider=lambda: lambda: {"Authorization": f"Bearer {credentials.token()}"},
                user_agent_entry="dagbranch",
                enable_telemetry=False,  # it would make a blocking call of its own, for half a minute at worst
                use_cloud_fetch=False,  # wants pyarrow, which does not fit a layer
                _port=self._address.port,
                _socket_timeout=self._patience.request_seconds,
                **_NEVER_AGAIN,
            )

    def _patiently[T](self, attempt: Callable[[], T]) -> T:
        """Again and again while the warehouse says that it is starting."""
        end = time.monotonic() + self._patience.starting_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return attempt()
            except BusyError as error:
                if time.monotonic() + pause > end:
                    raise TransientUpstreamError(f"{error} (for {self._patience.starting_seconds:g} s)") from error
                self._sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
