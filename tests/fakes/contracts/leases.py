"""What leases promise: the fake in memory and the DynamoDB table alike."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from dagbranch.errors import NotYetError, UpstreamError
from dagbranch.ports import Leases
from tests.fakes.examples import Clock


class LeasesContract:
    def test_what_one_holds_another_waits_for(self, leases: Leases) -> None:
        with leases.held("cli", 60):
            with pytest.raises(NotYetError, match="cli") as error, leases.held("cli", 60):
                pass
            with leases.held("another", 60):
                pass

        assert 3 <= error.value.retry_seconds <= 10
        with leases.held("cli", 60):
            pass

    def test_work_that_fails_frees_what_it_held(self, leases: Leases) -> None:
        with pytest.raises(UpstreamError, match="refused"), leases.held("cli", 60):
            raise UpstreamError("refused")

        with leases.held("cli", 60):
            pass

    def test_what_a_killed_worker_held_is_free_when_its_time_is_over(self, leases: Leases, clock: Clock) -> None:
        killed = leases.held("cli", 60)
        killed.__enter__()

        clock.forward(59)
        with pytest.raises(NotYetError), leases.held("cli", 60):
            pass
        clock.forward(1)
        with leases.held("cli", 60):
            pass

        killed.__exit__(None, None, None)

    def test_only_the_holder_frees_it(self, leases: Leases, clock: Clock) -> None:
        with ExitStack() as late:
            late.enter_context(leases.held("cli", 60))
            clock.forward(61)
            with leases.held("cli", 60):
                late.close()  # too late: by now it is another's

                with pytest.raises(NotYetError), leases.held("cli", 60):
                    pass

    def test_of_two_at_once_one_waits(self, leases: Leases) -> None:
        both, told = threading.Barrier(2, timeout=120), []

        def take() -> None:
            both.wait()
            try:
                with leases.held("cli", 60):
                    told.append("held")
                    both.wait()
            except NotYetError:
                told.append("waits")
                both.wait()

        threads = [threading.Thread(target=take) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(told) == ["held", "waits"]
