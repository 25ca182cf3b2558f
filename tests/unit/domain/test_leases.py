from __future__ import annotations

from datetime import timedelta

import pytest

from dagbranch.domain.environments import HalfName
from dagbranch.domain.leases import with_lease, without_lease
from dagbranch.errors import NotYetError
from tests.fakes.examples import NOW, an_environment


@pytest.mark.parametrize("name", ["pipeline", "data"])
def test_a_lease_keeps_others_out_of_its_half_until_it_ends(name: HalfName) -> None:
    held = with_lease(an_environment(), name, "a", NOW, 60)
    other: HalfName = "data" if name == "pipeline" else "pipeline"

    with pytest.raises(NotYetError):
        with_lease(held, name, "b", NOW + timedelta(seconds=59), 60)
    assert with_lease(held, name, "b", NOW + timedelta(seconds=60), 60).leases[name].owner == "b"
    assert with_lease(held, name, "a", NOW, 90).leases[name].until == NOW + timedelta(seconds=90)
    assert set(with_lease(held, other, "b", NOW, 60).leases) == {"pipeline", "data"}


def test_only_its_owner_gives_a_lease_back() -> None:
    held = with_lease(an_environment(), "data", "a", NOW, 60)

    assert without_lease(held, "data", "b") == held
    assert without_lease(held, "pipeline", "a") == held
    assert without_lease(held, "data", "a").leases == {}
