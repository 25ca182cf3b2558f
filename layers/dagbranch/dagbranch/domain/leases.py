"""Who works at which part of an environment, and until when nobody else may."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.environments import Environment, Lease, LeaseName
from dagbranch.errors import NotYetError

LEASE_RETRY_SECONDS: Final = 5


def with_lease(environment: Environment, half: LeaseName, owner: str, now: datetime, seconds: int) -> Environment:
    """Raises NotYetError while another worker holds this half."""
    held = environment.leases.get(half)
    if held is not None and held.owner != owner and held.until > now:
        raise NotYetError(f"another worker is at the {half} of {environment.name}", retry_seconds=LEASE_RETRY_SECONDS)
    lease = Lease(owner, now + timedelta(seconds=seconds))
    return replace(environment, leases={**environment.leases, half: lease}, updated_at=now)


def without_lease(environment: Environment, half: LeaseName, owner: str) -> Environment:
    held = environment.leases.get(half)
    if held is None or held.owner != owner:
        return environment
    return replace(environment, leases={name: lease for name, lease in environment.leases.items() if name != half})
