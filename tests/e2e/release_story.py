"""The acts between merge and production on two lanes. Each does something, waits for what follows, and tells it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY, RELEASE
from local.demo import observation
from local.github import Deployment, WorkflowDeployment
from tests.e2e.releases import (
    CHECK,
    MENDED,
    RUN,
    STRANGER,
    Asked,
    Shop,
    Stands,
    dag,
    declared,
)

EXTRA: Final = "qu.extra"
HOT_FIX, ALL_CLEAR = "the shop is down", "the fault is understood"


@dataclass(frozen=True)
class Merged:
    sha: str
    stage: Stands
    customers: list[tuple[Any, ...]]
    contacts: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Waited:
    """Deployments that nobody may make, or not yet: their states, oldest first, when all work was done."""

    strangers: tuple[str, ...]
    workflows: tuple[str, ...]
    prod: Environment | None


@dataclass(frozen=True)
class Promoted:
    asked: Asked
    stage: Stands
    prod: Stands


@dataclass(frozen=True)
class Back:
    seconds: float
    asked: Asked
    prod: Stands


@dataclass(frozen=True)
class Held:
    """``after``: what stood in prod when a newer commit had passed all gates; ``refused``: who asked for it."""

    candidate: str
    after: Environment
    refused: Asked
    released: Stands


@dataclass(frozen=True)
class Tried:
    """A canary beside what stands, and what was left of it when it had been dropped."""

    canary: Stands
    schemas: list[str]
    beside: Stands
    dropped: Environment
    left: tuple[object, ...]
    schemas_left: list[str]


@dataclass(frozen=True)
class Story:
    """In the order in which it happened."""

    shop: Shop
    first: Merged
    early: Asked
    refused: Asked
    waited: Waited
    promoted: Promoted
    newer: Promoted
    back: Back
    held: Held
    tried: Tried
    last: Promoted


def tell(shop: Shop) -> Story:
    first = _merge(shop)
    early, refused = _ask_too_early(shop, first.sha)
    workflow, waited = _wait_for_reviewers(shop, first.sha)
    promoted = _promote(shop, first, workflow)
    newer = _hot_fix(shop)
    back = _roll_back(shop, first.sha)
    held = _hold(shop, first.sha)
    sha = _next_commit(shop, "canary", {**declared(at_once=True), **dag(RUN, "a canary")})
    tried = _try_canary(shop, sha)
    return Story(shop, first, early, refused, waited, promoted, newer, back, held, tried, _promote_tried(shop, sha))


def _merge(shop: Shop) -> Merged:
    sha = shop.merge("first", dag(RUN, "the first one that is merged"))
    stage = shop.stands(shop.stage, sha)
    query: Callable[[str], list[tuple[Any, ...]]] = shop.stage.warehouse.query
    return Merged(
        sha,
        stage,
        customers=query("SELECT id, email FROM sales_stage.m_customers ORDER BY id"),
        contacts=query("SELECT email FROM sales_stage.m_contacts"),
    )


def _ask_too_early(shop: Shop, sha: str) -> tuple[Asked, Asked]:
    """At once, and when time has passed, its checks are green and it has run, but the data is wrong."""
    deployment = shop.deploy(sha)
    early = shop.answered(deployment, "queued")
    shop.repository.set_check(sha, CHECK, "success")
    shop.run_in_stage(RUN)
    shop.let_soak(sha)
    shop.tick(shop.stage)
    return early, shop.answered(deployment, "failure")


def _wait_for_reviewers(shop: Shop, sha: str) -> tuple[WorkflowDeployment, Waited]:
    """The data is mended; a stranger and a workflow ask, and nobody has agreed yet."""
    shop.stage.warehouse.query(MENDED)
    stranger = shop.deploy(sha, by=STRANGER)
    workflow = shop.repository.workflow_deployment(sha, "prod", is_protected=True)
    shop.wait_until_quiet()
    prod = observation.registered(shop.prod, shop.repository.id, RELEASE)
    return workflow, Waited(_states(stranger), _states(workflow), prod)


def _states(deployment: Deployment) -> tuple[str, ...]:
    return tuple(one.state for one in deployment.history)


def _promote(shop: Shop, first: Merged, workflow: WorkflowDeployment) -> Promoted:
    workflow.approve()
    prod = shop.stands(shop.prod, first.sha)
    return Promoted(shop.answered(workflow, "success"), first.stage, prod)


def _next_commit(shop: Shop, branch: str, changes: dict[str, bytes]) -> str:
    sha = shop.merge(branch, changes)
    shop.stands(shop.stage, sha)
    shop.repository.set_check(sha, CHECK, "success")
    return sha


def _hot_fix(shop: Shop) -> Promoted:
    sha = _next_commit(shop, "newer", dag(EXTRA, "only the newer one has it"))
    deployment = shop.deploy(sha, skip=["soak", "runs"], reason=HOT_FIX)
    prod = shop.stands(shop.prod, sha)
    return Promoted(shop.answered(deployment, "success"), shop.stands(shop.stage, sha), prod)


def _roll_back(shop: Shop, sha: str) -> Back:
    started = time.monotonic()
    deployment = shop.deploy(sha)
    prod = shop.stands(shop.prod, sha)
    seconds = time.monotonic() - started
    return Back(seconds, shop.answered(deployment, "success"), prod)


def _hold(shop: Shop, standing: str) -> Held:
    """A newer commit that would come by itself, while what stands is held; then somebody releases it."""
    candidate = _next_commit(shop, "auto", {**declared(auto=True, at_once=True), **dag(RUN, "comes by itself")})
    shop.tick(shop.stage)
    shop.wait_until_quiet()
    after = shop.record(shop.prod)
    refused = shop.answered(shop.deploy(candidate), "failure")
    shop.deploy(standing, hold=False, reason=ALL_CLEAR)
    shop.wait(lambda: shop.record(shop.prod).held is None, "the hold is released")
    shop.tick(shop.stage)
    return Held(candidate, after, refused, shop.stands(shop.prod, candidate))


def _try_canary(shop: Shop, sha: str) -> Tried:
    shop.deploy(sha, canary=True)
    canary = shop.stands(shop.prod, sha, CANARY)
    schemas = _schemas(shop)
    beside = shop.stands(shop.prod, shop.record(shop.prod).head_sha)
    shop.deploy(sha, canary="drop")
    shop.wait(lambda: shop.record(shop.prod, CANARY).status == Status.REMOVED, "the canary is dropped")
    name = str(shop.record(shop.prod, CANARY).receipt["environment"])
    claimed = [claim for claim in observation.claims(shop.prod) if claim == name]
    left = (*observation.objects(shop.prod, name), *observation.dags(shop.prod, name), *claimed)
    return Tried(canary, schemas, beside, shop.record(shop.prod, CANARY), left, _schemas(shop))


def _schemas(shop: Shop) -> list[str]:
    return sorted(name for (name,) in shop.prod.warehouse.query("SHOW SCHEMAS") if name.startswith("sales"))


def _promote_tried(shop: Shop, sha: str) -> Promoted:
    deployment = shop.deploy(sha)
    prod = shop.stands(shop.prod, sha)
    return Promoted(shop.answered(deployment, "success"), shop.stands(shop.stage, sha), prod)
