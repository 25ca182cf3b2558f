"""How an environment's record moves while its tables are filled, made anew, or follow their base."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from dagbranch.domain.environments import Environment, LeaseName, Status
from dagbranch.domain.leases import LEASE_RETRY_SECONDS
from dagbranch.domain.life_cycle import check_not_superseded, moved
from dagbranch.domain.requests import DataRequest
from dagbranch.errors import NotYetError

_SEED: Final = "seed "


def seed_lease(table: str) -> LeaseName:
    return f"{_SEED}{table}"


def check_no_seed_runs(environment: Environment, now: datetime, dropped: Collection[str] | None = None) -> None:
    """Raises NotYetError while a worker fills any table, or one that is ``dropped`` (itself, or its schema)."""
    for name, lease in environment.leases.items():
        table = name.removeprefix(_SEED)
        is_meant = dropped is None or table in dropped or table.rpartition(".")[0] in dropped
        if name.startswith(_SEED) and lease.until > now and is_meant:
            raise NotYetError(f"a worker is at the {name} of {environment.name}", retry_seconds=LEASE_RETRY_SECONDS)


def check_may_seed(environment: Environment, generation: int, now: datetime) -> None:
    """Raises SupersededError where nobody wants the seed any more, NotYetError while tables are made."""
    check_not_superseded(environment, generation)
    data = environment.leases.get("data")
    if data is not None and data.until > now:
        raise NotYetError(f"a worker is at the data of {environment.name}", retry_seconds=LEASE_RETRY_SECONDS)


def reason_not_to_renew(environment: Environment | None, request: DataRequest) -> str | None:
    """Why the data is left as it is, in words; None where it can be made anew, or be compared.

    A reset that broke off has left an environment that is no more ready, and can be asked for again.
    """
    if environment is None or not environment.is_live:
        return "there is no environment"
    able = {Status.READY} if request.kind == "check" else {Status.READY, Status.DEPLOYING, Status.FAILED}
    if environment.status not in able:
        return f"the environment is {environment.status}: its data is left as it is"
    if environment.data is None or environment.data.generation != environment.generation:
        return "its data does not stand yet"
    is_done = environment.reset_at is not None and environment.reset_at >= request.requested_at
    return "its data was made anew since this was asked for" if request.kind == "reset" and is_done else None


def reset_begun(environment: Environment, generation: int, tables: Iterable[str], now: datetime) -> Environment:
    """The record before tables are dropped: it is not ready until all of ``tables`` are filled again."""
    check_not_superseded(environment, generation)
    return replace(moved(environment, Status.DEPLOYING), seeding=tuple(tables), message="", updated_at=now)


def compared(environment: Environment, generation: int, seeding: Iterable[str], now: datetime) -> Environment:
    """The record after its data was held against the base, and followed it."""
    check_not_superseded(environment, generation)
    tables = dict.fromkeys([*environment.seeding, *seeding])
    return replace(environment, seeding=tuple(tables), compared_at=now, updated_at=now)
