"""The local stack as one thing: AWS with the template deployed, Airflow behind MWAA's double, a warehouse, GitHub.

One lane for previews; ``local.lanes`` has several in one emulator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.airflow import LocalAirflow, LocalMwaa
from local.airflow.configuration import Line
from local.aws import DeployedStack, LocalAws
from local.certificates import Certificates
from local.github import LocalGitHub
from local.github.github_app import GitHubApp
from local.lane import Between, Intervals, Lane, Names, Secrets
from local.parts import Access, Parts, at_once, shared_parts
from local.warehouse.process import LocalWarehouse

CONNECTION_ID = "warehouse_test"
_NAMES = Names("dagbranch", environment="previews", dags_bucket="previews-mwaa", connection=CONNECTION_ID)


@dataclass(frozen=True)
class LocalStack:
    """The started parts of one lane. ``app`` speaks to GitHub, None where a token does."""

    folder: Path
    aws: LocalAws
    airflow: LocalAirflow
    mwaa: LocalMwaa
    warehouse: LocalWarehouse
    github: LocalGitHub
    app: GitHubApp | None
    deployed: DeployedStack
    dags_bucket: str
    hidden: tuple[str, ...]

    @property
    def outputs(self) -> Mapping[str, str]:
        """Of the deployed template."""
        return self.deployed.outputs

    @property
    def webhook_secret(self) -> str:
        return self.github.webhook.secret

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must appear in no log."""
        return *self.hidden, *(token.text for token in (self.app.tokens if self.app else ()))

    def sweep(self) -> None:
        """What the schedule does: a tick in the sweep's queue."""
        self.aws.client("sqs").send_message(QueueUrl=self.outputs["SweepQueueUrl"], MessageBody="{}")

    @property
    def logs(self) -> list[Path]:
        return sorted(self.folder.rglob("*.log"))


@contextmanager
def local_stack(
    folder: Path,
    *,
    line: Line = "3",
    allowed_repositories: str,
    parameters: Mapping[str, str] | None = None,
    intervals: Intervals | None = None,
    certificates: Certificates | None = None,
    warehouse: LocalWarehouse | None = None,
    between: Between | None = None,
    access: Access = "app",
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[LocalStack]:
    """Starts everything inside ``folder`` and ends everything; the folder stays, for its logs.

    ``warehouse``: one that runs already, with these certificates, and goes on afterwards. ``access``: how the functions
    reach GitHub, as an App that is installed where the repositories' owners are, or by a token.
    """
    shared = shared_parts(
        folder,
        allowed_repositories=allowed_repositories,
        certificates=certificates,
        warehouse=warehouse,
        access=access,
        progress=progress,
    )
    with shared as parts, ExitStack() as running:
        secrets = Secrets(parts.webhook_secret, parts.github_secret, parts.warehouse.client_credentials)
        lane = Lane(parts, _NAMES, secrets, folder=folder, line=line, intervals=intervals, between=between)
        progress(f"starting Airflow {lane.airflow.version}; sam deploy")
        deployed, _ = at_once(
            lambda: lane.deploy({"AllowedRepositories": allowed_repositories, **(parameters or {})}),
            lambda: running.enter_context(lane.airflow),
        )
        running.enter_context(lane.mwaa)
        parts.send_webhooks_to(deployed)
        yield stack_of(parts, lane, deployed)


def stack_of(parts: Parts, lane: Lane, deployed: DeployedStack) -> LocalStack:
    return LocalStack(
        folder=parts.folder,
        aws=parts.aws,
        airflow=lane.airflow,
        mwaa=lane.mwaa,
        warehouse=parts.warehouse,
        github=parts.github,
        app=parts.app,
        deployed=deployed,
        dags_bucket=lane.names.dags_bucket,
        hidden=(lane.secrets.webhook, *parts.hidden),
    )
