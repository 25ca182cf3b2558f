"""What the calls on repositories and pull requests share: the double they are on, its webhook and its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from local.github.git_repository import GitRepository
from local.github.payloads.events import pull_request_event
from local.github.rest.site import Site
from local.github.state import HostedRepository, PullRecord, RepositoryRecord, State
from local.github.webhooks import Delivery, Webhook


@dataclass(frozen=True)
class Context:
    site: Site
    webhook: Webhook
    folder: Path

    @property
    def state(self) -> State:
        return self.site.state

    def git_folder(self, repository_id: int) -> Path:
        return self.folder / f"{repository_id}.git"

    def host(self, git: GitRepository, record: RepositoryRecord) -> HostedRepository:
        """Takes a repository in."""
        hosted = HostedRepository(record, git)
        self.state.repositories[record.id] = hosted
        return hosted

    def announce(
        self, hosted: HostedRepository, pull: PullRecord, action: str, *, deliver: bool, **details: object
    ) -> Delivery:
        """Sends the ``pull_request`` event of what just happened to the pull request, or withholds it."""
        payload = pull_request_event(self.site.urls, self.state, hosted, pull, action, **details)
        return self.webhook.deliver("pull_request", payload, withhold=not deliver)
