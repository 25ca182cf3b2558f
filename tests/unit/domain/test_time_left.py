from __future__ import annotations

from datetime import timedelta

import pytest

from dagbranch.domain.time_left import TimeLeft
from dagbranch.errors import NotYetError
from tests.fakes.examples import Clock


def test_work_begins_only_where_it_can_end() -> None:
    clock = Clock()
    left = TimeLeft.of(60, clock)
    clock.forward(20)

    left.check(timedelta(seconds=40))
    with pytest.raises(NotYetError) as error:
        left.check(timedelta(seconds=41))

    assert error.value.retry_seconds <= 1
