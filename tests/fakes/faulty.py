"""Ports that fail: a worker that is cut off, held up or killed at any effect, and upstreams that answer nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from dagbranch.errors import TransientUpstreamError
from dagbranch.ports import Leases

_LONGEST_SECONDS: Final = 60.0  # between two effects; a test that waits longer hangs


class KilledError(BaseException):
    """The worker's process is gone: nothing that it would still do reaches the outside."""


@dataclass
class Outages:
    """``down``: the upstreams that refuse; ``deaf``: those that do the next call's work, and whose answer is lost."""

    down: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)

    def end(self) -> None:
        self.down.clear()
        self.deaf.clear()

    def refuse(self, upstream: str) -> None:
        if upstream in self.down:
            raise TransientUpstreamError(f"{upstream} is down")

    def loses_the_answer(self, upstream: str) -> bool:
        if upstream not in self.deaf:
            return False
        self.deaf.remove(upstream)
        return True


class Invocation:
    """Work in a thread of its own that stands still before an effect until it is told to go on.

    One thread runs at a time: whoever calls ``go_on`` waits meanwhile. ``dies_at``: the number of the effect
    after which it is killed, or before which.
    """

    def __init__(
        self, work: Callable[[Invocation], None], outages: Outages, dies_at: int | None = None, *, before: bool = False
    ) -> None:
        self.effects = 0
        self.error: BaseException | None = None
        self.is_over = False
        self.is_killed = False
        self._outages = outages
        self._dies_at = dies_at
        self._before = before
        self._budget: int | None = 0
        self._goes = threading.Semaphore(0)
        self._stands = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()
        self._wait()

    def go_on(self, effects: int | None = None) -> None:
        """Up to so many effects, or to the end."""
        assert not self.is_over, "it is over"
        self._budget = effects
        self._goes.release()
        self._wait()

    def kill(self) -> None:
        self.is_killed = True
        if not self.is_over:
            self.go_on()

    def through[T](self, upstream: str, call: Callable[[], T], again: Callable[[], T] | None = None) -> T:
        """One effect; ``again``: what the adapter does by itself where an answer is lost, instead of raising."""
        self.pause(upstream)
        result = call()
        if self._dies_at is not None and self.effects >= self._dies_at:
            self._die()
        if self._outages.loses_the_answer(upstream):
            if again is None:
                raise TransientUpstreamError(f"{upstream} did not answer")
            return again()
        return result

    def pause(self, upstream: str) -> None:
        """Before an effect, or in the middle of one that has parts: here it may stand still, be refused, or die."""
        self._check_alive()
        if self._budget == 0:
            self._stands.release()
            self._goes.acquire()
            self._check_alive()
        if self._budget is not None:
            self._budget -= 1
        self.effects += 1
        if self._before and self.effects == self._dies_at:
            self._die()
        self._outages.refuse(upstream)

    def _die(self) -> None:
        self.is_killed = True
        raise KilledError

    def _check_alive(self) -> None:
        if self.is_killed:
            raise KilledError

    def _run(self, work: Callable[[Invocation], None]) -> None:
        self._stands.release()
        self._goes.acquire()
        try:
            self._check_alive()
            _at_work.invocation = self
            work(self)
        except BaseException as error:  # noqa: BLE001 # told to whoever runs it, whatever it is
            self.error = error
        self.is_over = True
        self._stands.release()

    def _wait(self) -> None:
        assert self._stands.acquire(timeout=_LONGEST_SECONDS), "the invocation hangs"


class _AtWork(threading.local):
    invocation: Invocation | None = None


_at_work = _AtWork()


def pause_in(upstream: str) -> None:
    """For a fake in the middle of one of its calls: the invocation that makes it may end here."""
    if _at_work.invocation is not None:
        _at_work.invocation.pause(upstream)


class Faulty:
    """A port each call of which is an effect of one invocation; ``retried``: those that the adapter makes once more."""

    def __init__(
        self, inner: object, upstream: str, invocation: Invocation, retried: frozenset[str] = frozenset()
    ) -> None:
        self._inner = inner
        self._upstream = upstream
        self._invocation = invocation
        self._retried = retried

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **named: Any) -> Any:
            def once() -> Any:
                return found(*args, **named)

            return self._invocation.through(self._upstream, once, once if name in self._retried else None)

        return call


class FaultyLeases:
    """Taking a lease and giving it back are effects; a worker that is killed between them keeps it."""

    def __init__(self, inner: Leases, upstream: str, invocation: Invocation) -> None:
        self._inner = inner
        self._upstream = upstream
        self._invocation = invocation

    @contextmanager
    def held(self, name: str, seconds: int) -> Iterator[None]:
        lease = self._inner.held(name, seconds)
        self._invocation.through(self._upstream, lease.__enter__)
        try:
            yield
        except KilledError:
            raise
        except BaseException as error:
            if not lease.__exit__(type(error), error, error.__traceback__):
                raise
        else:
            self._invocation.through(self._upstream, lambda: lease.__exit__(None, None, None))
