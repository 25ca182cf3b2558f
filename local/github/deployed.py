"""Deployments made and told of, by whom ever, with the webhooks that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.github.feedback import Actor, DeploymentRecord, DeploymentStatusRecord
from local.github.payloads.events import deployment_event, deployment_status_event
from local.github.rest.site import Site
from local.github.state import HostedRepository, now

type Tell = Callable[[str, Mapping[str, Any]], object]


@dataclass(frozen=True)
class Desk:
    """Where deployments of a repository are made; ``tell`` sends a webhook, now or soon."""

    site: Site
    hosted: HostedRepository
    tell: Tell

    def make(self, ref: str, sha: str, creator: Actor, environment: str, **details: Any) -> DeploymentRecord:
        """``details``: what else a DeploymentRecord holds."""
        number = self.site.state.next_id()
        record = DeploymentRecord(number, ref, sha, creator, environment, now(), **details)
        self.hosted.feedback.deployments[number] = record
        self.tell("deployment", deployment_event(self.site.urls, self.site.state, self.hosted, record))
        return record

    def say(
        self, record: DeploymentRecord, creator: Actor, state: str, *, auto_inactive: bool = True, **details: Any
    ) -> DeploymentStatusRecord:
        """``details``: what else a DeploymentStatusRecord holds."""
        said = self._put(record, creator, state, **details)
        if state == "success" and auto_inactive:
            for other in self._ended_by(record):
                self._put(other, creator, "inactive")
        return said

    def _put(self, record: DeploymentRecord, creator: Actor, state: str, **details: Any) -> DeploymentStatusRecord:
        number, environment = self.site.state.next_id(), details.pop("environment", None) or record.environment
        said = DeploymentStatusRecord(number, record.id, creator, state, environment, now(), **details)
        self.hosted.feedback.deployment_statuses[number] = said
        if state != "inactive":  # docs.github.com, "Webhook events and payloads": of these there is no event
            event = deployment_status_event(self.site.urls, self.site.state, self.hosted, record, said)
            self.tell("deployment_status", event)
        return said

    def _ended_by(self, record: DeploymentRecord) -> Iterator[DeploymentRecord]:
        """``auto_inactive`` ends earlier deployments to the same environment, but for transient and production ones."""
        for other in self.hosted.feedback.deployments_to(record.environment):
            is_kept = other.transient_environment or other.production_environment
            is_ended = self.hosted.feedback.view_of(other).state == "inactive"
            if other.id < record.id and not is_kept and not is_ended:
                yield other
