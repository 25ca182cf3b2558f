"""GitHub's deployment of a pull request's newest commit, made of its record and of what stands there."""

from __future__ import annotations

from typing import Final

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.report_markdown import one_line
from dagbranch.domain.report_words import headline
from dagbranch.domain.reports import Deployment, DeploymentState, PostedDeployment

_MOST_DESCRIPTION: Final = 140
_STATES: Final[dict[Status, DeploymentState]] = {
    Status.REQUESTED: "in_progress",
    Status.DEPLOYING: "in_progress",
    Status.READY: "success",
    Status.FAILED: "failure",
}


def deployment_environment(lane: str) -> str:
    """GitHub's environment: one per lane."""
    return f"dagbranch/{lane}"


def deployments_to_put(record: Environment, standing: PostedDeployment | None) -> list[tuple[Deployment, int | None]]:
    """In this order, each with the id of what it changes: what is over becomes inactive before the next begins."""
    state = _STATES.get(record.status)
    is_same = standing is not None and standing.head_sha == record.head_sha and standing.state != "inactive"
    to_put: list[tuple[Deployment, int | None]] = []
    if standing is not None and _is_to_be_ended(standing) and not (is_same and state):
        to_put.append((_inactive(record, standing), standing.id))
    if state is not None:
        to_put.append((_wanted(record, state), standing.id if standing is not None and is_same else None))
    return to_put


def _is_to_be_ended(standing: PostedDeployment) -> bool:
    return standing.id is not None and standing.state != "inactive"


def _wanted(record: Environment, state: DeploymentState) -> Deployment:
    return Deployment(
        environment=deployment_environment(record.lane),
        head_sha=record.head_sha,
        pull_number=record.pull_number,
        state=state,
        description=one_line(headline(record), _MOST_DESCRIPTION),
        url=record.pages.of_environment(record.name) if record.pages and record.name else None,
    )


def _inactive(record: Environment, standing: PostedDeployment) -> Deployment:
    is_over = standing.head_sha == record.head_sha
    told = headline(record) if is_over else f"superseded by {record.head_sha[:7]}"
    return Deployment(
        environment=deployment_environment(record.lane),
        head_sha=standing.head_sha,
        pull_number=record.pull_number,
        state="inactive",
        description=one_line(told, _MOST_DESCRIPTION),
    )
