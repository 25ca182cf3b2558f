"""What every lane of a local stack shares: the AWS emulator, the warehouse, GitHub's double, and the built template."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from local.aws import DeployedStack, LocalAws, cached_build
from local.certificates import Certificates, make_certificates
from local.github import LocalGitHub
from local.github.github_app import GitHubApp
from local.toolchain import ROOT
from local.warehouse.process import LocalWarehouse

type Access = Literal["app", "token"]


@dataclass(frozen=True)
class Parts:
    """All of them are started. ``app`` speaks to GitHub, None where a token does."""

    folder: Path
    certificates: Certificates
    aws: LocalAws
    warehouse: LocalWarehouse
    github: LocalGitHub
    github_token: str
    app: GitHubApp | None
    build: Path

    @property
    def webhook_secret(self) -> str:
        return self.github.webhook.secret

    @property
    def github_secret(self) -> str:
        """As the functions take it."""
        return app_secret(self.app, self.app.private_key) if self.app else self.github_token

    @property
    def hidden(self) -> tuple[str, ...]:
        """What must appear in no log. Of a key any line would be a leak; the first and the last are in everybody's."""
        keys = self.app.private_keys if self.app else []
        lines = (line for key in keys for line in key.strip().splitlines()[1:-1])
        return self.webhook_secret, self.github_token, self.warehouse.token, self.warehouse.client_secret, *lines

    def send_webhooks_to(self, deployed: DeployedStack) -> None:
        self.github.trusted_authority = self.certificates.authority
        self.github.deliver_to, self.github.deliver_headers = self.aws.reachable(deployed.outputs["WebhookUrl"])


@contextmanager
def shared_parts(
    folder: Path,
    *,
    allowed_repositories: str,
    certificates: Certificates | None = None,
    warehouse: LocalWarehouse | None = None,
    access: Access = "app",
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Parts]:
    """Starts them inside ``folder`` and ends them. ``warehouse``: one that runs already, and goes on afterwards."""
    certificates = certificates or make_certificates(folder / "certificates")
    webhook_secret, github_token = secrets.token_hex(20), f"ghp_{secrets.token_hex(18)}"
    with ExitStack() as running:
        started = nullcontext(warehouse) if warehouse else LocalWarehouse(folder / "warehouse", certificates)
        aws = LocalAws(folder / "aws", certificates)
        github = LocalGitHub(folder / "github", webhook_secret=webhook_secret, token=github_token)
        progress("starting Spark, the AWS emulator and GitHub's double; sam build")
        warehouse, _, build = at_once(
            lambda: running.enter_context(started),
            lambda: _started(running, aws),
            lambda: cached_build(ROOT / "template.yaml"),
        )
        running.enter_context(github)
        app = _installed_app(github, allowed_repositories) if access == "app" else None
        yield Parts(folder, certificates, aws, warehouse, github, github_token, app, build)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Their results; when one fails the others are waited for, so that nothing starts after the end."""
    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result() for future in [threads.submit(work) for work in works]]


def app_secret(app: GitHubApp, private_key: str) -> str:
    return json.dumps({"app_id": app.app_id, "private_key": private_key})


def _started(running: ExitStack, aws: LocalAws) -> None:
    running.callback(aws.stop)
    aws.start()


def _installed_app(github: LocalGitHub, repositories: str) -> GitHubApp:
    """Installed for all repositories of each owner, those that are made later too."""
    owners = sorted({name.strip().partition("/")[0] for name in repositories.split(",")})
    app = github.create_app(owners[0])
    for owner in owners:
        app.install(owner)
    return app
