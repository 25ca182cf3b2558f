"""A deployment, as who asked for it handles it: a person, or a workflow in an environment with reviewers."""

from __future__ import annotations

from typing import Any, Self

from local.github.apps import GITHUB_ACTIONS_ID
from local.github.context import Context
from local.github.deployed import Desk
from local.github.feedback import Actor, DeploymentStatusRecord, DeploymentView
from local.github.state import HostedRepository
from local.github.webhooks import Delivery


class Deployment:
    """The deployment ``id``; ``deliveries`` are what was sent of it from here."""

    def __init__(self, context: Context, hosted: HostedRepository, number: int, creator: Actor) -> None:
        self._context = context
        self._hosted = hosted
        self._creator = creator
        self.id = number
        self.deliveries: list[Delivery] = []

    @classmethod
    def make(
        cls,
        context: Context,
        hosted: HostedRepository,
        ref: str,
        environment: str,
        creator: Actor,
        *,
        deliver: bool,
        **details: Any,
    ) -> Self:
        """Of the commit that ``ref`` is now; raises ValueError where GitHub refuses."""
        sha = hosted.git.resolve(ref)
        if sha is None:
            raise ValueError(f"No ref found for: {ref}")
        if creator.app_id is None and not hosted.may_push(creator.login):
            raise ValueError(f"{creator.login} may not deploy: give them the role write")
        made = cls(context, hosted, 0, creator)
        made.id = made._desk(deliver=deliver).make(ref, sha, creator, environment, **details).id
        return made

    @property
    def shown(self) -> DeploymentView:
        """As it is now, with its statuses."""
        return self._hosted.feedback.view_of(self._hosted.feedback.deployments[self.id])

    @property
    def state(self) -> str:
        return self.shown.state

    @property
    def description(self) -> str:
        return self.shown.description

    @property
    def history(self) -> list[DeploymentStatusRecord]:
        """Its statuses, oldest first."""
        return list(reversed(self.shown.history))

    def say(
        self, state: str, description: str = "", *, by: str | None = None, deliver: bool = True, **details: Any
    ) -> None:
        """A status by who made the deployment, or by whoever else may push.

        ``details``: ``environment``, ``log_url``, ``environment_url``, ``auto_inactive``.
        """
        record = self._hosted.feedback.deployments[self.id]
        author = self._creator if by is None else self._context.state.apps.actor(by)
        self._desk(deliver=deliver).say(record, author, state, description=description, **details)

    def delete(self) -> None:
        """GitHub deletes inactive ones only, and says nothing of it."""
        del self._hosted.feedback.deployments[self.id]

    def _desk(self, *, deliver: bool) -> Desk:
        def tell(event: str, payload: Any) -> None:
            self.deliveries.append(self._context.webhook.deliver(event, payload, withhold=not deliver))

        return Desk(self._context.site, self._hosted, tell)


class WorkflowDeployment(Deployment):
    """What GitHub Actions makes when a job names an environment: its creator is who started the workflow.

    https://docs.github.com/en/actions/concepts/workflows-and-actions/deployment-environments
    """

    @classmethod
    def begin(
        cls,
        context: Context,
        hosted: HostedRepository,
        ref: str,
        environment: str,
        by: str,
        *,
        is_protected: bool,
        deliver: bool,
    ) -> Self:
        """In a protected environment it waits for a reviewer; else the job runs at once."""
        creator = Actor(by, via_app_id=GITHUB_ACTIONS_ID)
        made = cls.make(context, hosted, ref, environment, creator, deliver=deliver, payload={})
        if is_protected:
            made.say("waiting", deliver=deliver)
        else:
            made.approve(deliver=deliver)
        return made

    def approve(self, *, deliver: bool = True) -> None:
        """A reviewer lets the job run: it is queued, and then begins."""
        self.say("queued", deliver=deliver)
        self.say("in_progress", deliver=deliver)

    def reject(self, *, deliver: bool = True) -> None:
        self.say("failure", deliver=deliver)

    def finish(self, *, succeeded: bool = True, deliver: bool = True) -> None:
        """The job has ended, which GitHub says of its deployment, too."""
        self.say("success" if succeeded else "failure", deliver=deliver)
