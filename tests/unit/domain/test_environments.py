from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dagbranch.domain.environments import Half, Status
from dagbranch.errors import InvalidEventError
from tests.fakes.examples import FIRST, NOW, an_environment

LATER = NOW + timedelta(minutes=1)


def half(digest: str = "d1", generation: int = 1) -> Half:
    return Half(digest, FIRST, generation, LATER)


def test_both_halves_agree_at_one_digest_and_the_newest_request() -> None:
    one = an_environment(pipeline=half())
    both = replace(one, data=half())

    assert not one.halves_agree
    assert both.halves_agree
    assert not replace(both, generation=2).halves_agree
    assert not replace(both, data=half("d2")).halves_agree
    assert not replace(both, data=half(generation=0)).halves_agree
    assert not replace(both, seeding=("s.t",)).halves_agree


@pytest.mark.parametrize("status", [Status.REFUSED, Status.WAITING, Status.REMOVED])
def test_nothing_stands_of_what_was_refused_waits_or_is_gone(status: Status) -> None:
    assert not an_environment(status=status).is_live


def test_a_name_is_asked_for_only_where_one_was_claimed() -> None:
    assert an_environment().claimed_name == "feature1"
    with pytest.raises(InvalidEventError, match="has no environment"):
        _ = an_environment(name=None).claimed_name


def test_an_environment_is_active_when_anybody_last_asked_for_a_commit_or_a_reset() -> None:
    assert an_environment().active_at == NOW
    assert an_environment(reset_at=LATER).active_at == LATER
    assert an_environment(reset_at=NOW - timedelta(days=1)).active_at == NOW
