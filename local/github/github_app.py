"""A GitHub App as the one who made it has it: its id, its private key, and where it is installed."""

from __future__ import annotations

from dataclasses import replace

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dagbranch.domain.github_app import EVENTS
from local.github.apps import AppRecord, InstallationRecord, Permissions, TokenRecord
from local.github.repositories import Repository
from local.github.rest.site import Site
from local.github.state import now


class GitHubApp:
    """The App ``app_id``, which signs with ``private_key``, or any other of its ``private_keys`` (PEM)."""

    def __init__(self, site: Site, app_id: int) -> None:
        self._site = site
        self.app_id = app_id
        self.private_keys: list[str] = []

    @classmethod
    def create(cls, site: Site, owner: str, slug: str, permissions: Permissions) -> GitHubApp:
        """Registers an App with a first key."""
        record = AppRecord(site.state.next_id(), slug, owner, (), permissions, EVENTS, now())
        site.state.apps.registered[record.id] = record
        app = cls(site, record.id)
        app.new_key()
        return app

    @property
    def private_key(self) -> str:
        """The first one."""
        return self.private_keys[0]

    def new_key(self) -> str:
        """One more, as by the button on the App's page; GitHub keeps the public half."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,  # "BEGIN RSA PRIVATE KEY", as GitHub's downloads have it
            serialization.NoEncryption(),
        ).decode()
        registered = self._site.state.apps.registered
        known = registered[self.app_id]
        registered[self.app_id] = replace(known, public_keys=(*known.public_keys, public))
        self.private_keys.append(private)
        return private

    @property
    def login(self) -> str:
        """By which its comments are signed."""
        return f"{self._site.state.apps.registered[self.app_id].slug}[bot]"

    @property
    def tokens(self) -> list[TokenRecord]:
        """Every token that was handed out so far."""
        ours = {one.id for one in self._site.state.apps.installations.values() if one.app_id == self.app_id}
        return [one for one in list(self._site.state.apps.issued) if one.installation_id in ours]

    def install(self, account: str, *repositories: Repository, permissions: Permissions | None = None) -> int:
        """Installs it in the account, for these repositories or for all, and returns the installation's id.

        ``permissions``: fewer than the App asks for, as where its owner has not agreed to new ones yet.
        """
        apps = self._site.state.apps
        granted = permissions if permissions is not None else apps.registered[self.app_id].permissions
        chosen = frozenset(one.id for one in repositories) or None
        record = InstallationRecord(self._site.state.next_id(), self.app_id, account, granted, now(), chosen)
        apps.installations[record.id] = record
        return record.id

    def suspend(self, installation_id: int) -> None:
        """Its tokens open nothing any more."""
        apps = self._site.state.apps
        apps.installations[installation_id] = replace(apps.installations[installation_id], suspended_at=now())

    def uninstall(self, installation_id: int) -> None:
        del self._site.state.apps.installations[installation_id]
