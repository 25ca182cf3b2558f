"""The double as one thing: made in a folder, started, told where its webhooks go, stopped."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from dagbranch.domain.github_app import PERMISSIONS
from local.github.apps import Permissions
from local.github.branches import AUTHOR
from local.github.context import Context
from local.github.entries import Changes, entries_of_folder
from local.github.git_repository import GitRepository
from local.github.github_app import GitHubApp
from local.github.payloads.events import ping_event
from local.github.payloads.urls import Urls
from local.github.repositories import Repository
from local.github.rest.application import Application
from local.github.rest.site import BLOB_LIMIT_BYTES, TREE_ENTRY_LIMIT, Site
from local.github.server import Server
from local.github.state import RepositoryRecord, State, now
from local.github.webhooks import HOOK_ID, Delivery, Webhook


class LocalGitHub:
    """Repositories under ``folder``, served at ``url`` to whoever has ``token``; answers and deliveries in ``log``.

    Its port is taken when it is made; it answers between ``start`` and ``stop``, or as a context manager.
    ``site`` holds what tests turn: ``rate_limit``, ``outage_status``, ``archive_links.lifetime_seconds``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        webhook_secret: str,
        token: str,
        api_prefix: str = "",
        tree_entry_limit: int = TREE_ENTRY_LIMIT,
        blob_limit_bytes: int = BLOB_LIMIT_BYTES,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "github.log"
        self._log_lock = threading.Lock()
        self._server = Server(api_prefix, self._write_log)
        urls = Urls(api=self._server.origin + api_prefix, html=self._server.origin)
        self.site = Site(urls, State(), token, tree_entry_limit, blob_limit_bytes)
        self.webhook = Webhook(webhook_secret, self._write_log)
        self.webhook.hears = self.site.state.apps.hears
        self.site.tell = self.webhook.deliver_soon
        self._context = Context(self.site, self.webhook, folder)

    @property
    def url(self) -> str:
        """The base of the REST API, PyGithub's ``base_url``."""
        return self.site.urls.api

    @property
    def deliver_to(self) -> str | None:
        """Where webhooks are sent; without an address they are only recorded."""
        return self.webhook.url

    @deliver_to.setter
    def deliver_to(self, url: str | None) -> None:
        self.webhook.url = url

    @property
    def deliver_headers(self) -> dict[str, str]:
        """Headers beyond GitHub's own, such as the ``Host`` by which an emulator knows its function URLs."""
        return self.webhook.headers

    @deliver_headers.setter
    def deliver_headers(self, headers: Mapping[str, str]) -> None:
        self.webhook.headers = dict(headers)

    @property
    def trusted_authority(self) -> Path | None:
        """The authority (PEM) that vouches for the webhook's address; without one, those that the machine trusts."""
        return self.webhook.trusted_authority

    @trusted_authority.setter
    def trusted_authority(self, authority: Path | None) -> None:
        self.webhook.trusted_authority = authority

    @property
    def deliveries(self) -> list[Delivery]:
        """Every attempt so far, in order, withheld ones too."""
        return list(self.webhook.deliveries)

    def start(self) -> None:
        self._server.serve(Application(self.site))

    def stop(self) -> None:
        self._server.stop()
        self.webhook.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def create_repository(
        self, full_name: str, files: Changes | Path, default_branch: str = "main", *, granted: bool = True
    ) -> Repository:
        """A private repository with one commit of ``files``; one that is not ``granted`` is none of the token's."""
        if self.site.state.named(full_name):
            raise ValueError(f"{full_name} exists already")
        owner, name = full_name.split("/")
        number = self.site.state.next_id()
        record = RepositoryRecord(number, owner, name, default_branch, now(), now(), granted=granted)
        git = GitRepository.create(self._context.git_folder(number), default_branch)
        entries = entries_of_folder(files) if isinstance(files, Path) else files
        git.commit(default_branch, entries, "Begin", parent=None)
        hosted = self._context.host(git, record)
        hosted.roles.update({AUTHOR: "write"} | ({self.site.token_owner: "write"} if granted else {}))
        return Repository(self._context, hosted)

    def create_app(self, owner: str, *, slug: str = "dagbranch", permissions: Permissions | None = None) -> GitHubApp:
        """An App of the account with a key of its own, by default with what dagbranch asks for; nowhere installed."""
        return GitHubApp.create(self.site, owner, slug, permissions or PERMISSIONS)

    def ping(self, repository: Repository) -> Delivery:
        """What GitHub sends when somebody makes the webhook."""
        hosted = self.site.state.repositories[repository.id]
        payload = ping_event(self.site.urls, self.site.state, hosted, hook_id=HOOK_ID, hook_url=self.deliver_to or "")
        return self.webhook.deliver("ping", payload)

    def send(self, event: str, payload: Mapping[str, Any]) -> Delivery:
        """Delivers any event, such as a recorded one, signed like the others."""
        return self.webhook.deliver(event, payload)

    def redeliver(self, delivery_id: str) -> Delivery:
        """Sends the same bytes under the same id again, as by the button; a withheld delivery comes late this way."""
        return self.webhook.redeliver(delivery_id)

    def _write_log(self, line: str) -> None:
        with self._log_lock, self.log.open("a") as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}\n")
