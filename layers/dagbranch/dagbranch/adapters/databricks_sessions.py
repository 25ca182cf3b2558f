"""Several sessions beside each other: the connector wants a connection for each thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from dagbranch.adapters.databricks_session import Address, Patience, Reach, Session


class Sessions:
    """At most ``most``, each opened when there is work for it and kept for the next; closed together."""

    def __init__(self, address: Address, patience: Patience, most: int) -> None:
        self.most = most
        self._address, self._patience, self._reach = address, patience, Reach()
        self._free: deque[Session] = deque()
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="warehouse")

    def each[I, O](self, work: Callable[[Session, I], O], items: Iterable[I]) -> list[O]:
        """What the work gives for each item, in the items' order."""
        self._reach.failed = None
        return list(self._threads.map(lambda item: self._lent(work, item), items))

    def close(self) -> None:
        # Each costs a request, and so all at once.
        list(self._threads.map(Session.close, self._free))
        self._free.clear()
        self._threads.shutdown()

    def _lent[I, O](self, work: Callable[[Session, I], O], item: I) -> O:
        try:
            session = self._free.pop()
        except IndexError:
            session = Session(self._address, self._patience, self._reach)
        try:
            return work(session, item)
        finally:
            self._free.append(session)
