"""The local stack as one thing: AWS with the template deployed, Airflow behind MWAA's double, a warehouse, GitHub."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from local.airflow import LocalAirflow, LocalMwaa
from local.airflow.configuration import Line
from local.aws import LocalAws, cached_build
from local.aws.sandbox import Watch
from local.certificates import Certificates, make_certificates
from local.github import LocalGitHub
from local.github.github_app import GitHubApp
from local.toolchain import ROOT, tool_path
from local.warehouse.process import LocalWarehouse

STACK_NAME = "dagbranch"
MWAA_ENVIRONMENT = "previews"
DAGS_BUCKET = "previews-mwaa"
CONNECTION_ID = "warehouse_test"


@dataclass(frozen=True)
class Intervals:
    """How often MWAA's double syncs its bucket and Airflow looks for files; MWAA's own are 30 and, by default, 300."""

    sync_seconds: int = 10
    scan_seconds: int = 10


class Between(Protocol):
    """Stands between the functions and what they reach."""

    @property
    def watch(self) -> Watch: ...

    def address(self, upstream: str, url: str) -> str:
        """What the functions are to use instead of ``url``."""
        ...

    def aws_endpoints(self, url: str) -> Mapping[str, str]:
        """Environment variables with an endpoint for each service of the emulator."""
        ...


@dataclass(frozen=True)
class LocalStack:
    """The started parts. ``outputs`` are the deployed template's; ``app`` speaks to GitHub, None where a token does."""

    folder: Path
    aws: LocalAws
    airflow: LocalAirflow
    mwaa: LocalMwaa
    warehouse: LocalWarehouse
    github: LocalGitHub
    app: GitHubApp | None
    outputs: Mapping[str, str]
    hidden: tuple[str, ...]

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
    access: Literal["app", "token"] = "app",
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[LocalStack]:
    """Starts everything inside ``folder`` and ends everything; the folder stays, for its logs.

    ``warehouse``: one that runs already, with these certificates, and goes on afterwards. ``access``: how the functions
    reach GitHub, as an App that is installed where the repositories' owners are, or by a token.
    """
    intervals = intervals or Intervals()
    certificates = certificates or make_certificates(folder / "certificates")
    webhook_secret, github_token = secrets.token_hex(20), f"ghp_{secrets.token_hex(18)}"
    with ExitStack() as running:
        started = nullcontext(warehouse) if warehouse else LocalWarehouse(folder / "warehouse", certificates)
        aws = LocalAws(folder / "aws", certificates)
        github = LocalGitHub(folder / "github", webhook_secret=webhook_secret, token=github_token)
        progress("starting Spark, the AWS emulator and GitHub's double; sam build")
        warehouse, _, build = _at_once(
            lambda: running.enter_context(started),
            lambda: _started(running, aws),
            lambda: cached_build(ROOT / "template.yaml"),
        )
        running.enter_context(github)
        airflow = LocalAirflow(
            folder / "airflow",
            line=line,
            environment={
                "SSL_CERT_FILE": str(certificates.authority),
                f"AIRFLOW_CONN_{CONNECTION_ID.upper()}": _connection(warehouse),
                "PATH": tool_path("awscli"),  # MWAA has it
                **aws.reader("mwaa", f"{DAGS_BUCKET}/artifacts/*"),
            },
            scan_interval_seconds=intervals.scan_seconds,
        )
        _make_bucket(aws)
        mwaa = LocalMwaa(
            airflow,
            name=MWAA_ENVIRONMENT,
            s3_client=aws.client("s3"),
            bucket=DAGS_BUCKET,
            certificates=certificates,
            sync_interval_seconds=intervals.sync_seconds,
            authorize=aws.permits,
        )
        app = _installed_app(github, allowed_repositories) if access == "app" else None
        address = between.address if between else lambda _, url: url
        address("mwaa-cli", f"https://{mwaa.web_server}")  # which the control plane tells
        aws.give_functions(
            {"AWS_ENDPOINT_URL_MWAA": address("mwaa", mwaa.endpoint), "SSL_CERT_FILE": str(certificates.authority)}
        )
        if between:
            aws.give_functions(between.aws_endpoints(aws.endpoint))
            aws.watch_functions(between.watch)
        known = {
            "webhook": webhook_secret,
            "github": _app_secret(app) if app else github_token,
            "databricks": warehouse.client_credentials,
        }
        given = {
            "AllowedRepositories": allowed_repositories,
            "GitHubApiUrl": address("github", github.url),
            "MwaaEnvironmentName": MWAA_ENVIRONMENT,
            "DagsBucketName": DAGS_BUCKET,
            "DatabricksHost": _host(address("warehouse", f"https://{warehouse.host}:{warehouse.port}")),
            "DatabricksHttpPath": warehouse.http_path,
            "PushSettleSeconds": "2",
            **_made_secrets(aws, known),
            **(parameters or {}),
        }
        hidden = webhook_secret, github_token, warehouse.token, warehouse.client_secret, *_lines_of_key(app)
        progress(f"starting Airflow {airflow.version}; sam deploy")
        outputs, _ = _at_once(
            lambda: aws.deploy(build, stack_name=STACK_NAME, parameters=given),
            lambda: running.enter_context(airflow),
        )
        running.enter_context(mwaa)
        github.trusted_authority = certificates.authority
        github.deliver_to, github.deliver_headers = aws.reachable(outputs["WebhookUrl"])
        yield LocalStack(folder, aws, airflow, mwaa, warehouse, github, app, outputs, hidden)


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _at_once(*works: Callable[[], Any]) -> list[Any]:
    """Their results; when one fails the others are waited for, so that nothing starts after the end."""
    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result() for future in [threads.submit(work) for work in works]]


def _started(running: ExitStack, aws: LocalAws) -> None:
    running.callback(aws.stop)
    aws.start()


def _make_bucket(aws: LocalAws) -> None:
    """MWAA's bucket, versioned as MWAA demands."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=DAGS_BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_bucket_versioning(Bucket=DAGS_BUCKET, VersioningConfiguration={"Status": "Enabled"})


def _made_secrets(aws: LocalAws, known: Mapping[str, str]) -> dict[str, str]:
    client = aws.client("secretsmanager")
    arns = {
        name: client.create_secret(Name=f"dagbranch/{name}", SecretString=text)["ARN"] for name, text in known.items()
    }
    return {
        "WebhookSecretArn": arns["webhook"],
        "GitHubTokenSecretArn": arns["github"],
        "DatabricksTokenSecretArn": arns["databricks"],
    }


def _installed_app(github: LocalGitHub, repositories: str) -> GitHubApp:
    """Installed for all repositories of each owner, those that are made later too."""
    owners = sorted({name.strip().partition("/")[0] for name in repositories.split(",")})
    app = github.create_app(owners[0])
    for owner in owners:
        app.install(owner)
    return app


def _app_secret(app: GitHubApp) -> str:
    return json.dumps({"app_id": app.app_id, "private_key": app.private_key})


def _lines_of_key(app: GitHubApp | None) -> list[str]:
    """Any line of it would be a leak; the first and the last are in everybody's."""
    return app.private_key.strip().splitlines()[1:-1] if app else []


def _connection(warehouse: LocalWarehouse) -> str:
    """Airflow's connection of the unmodified Databricks provider; extras go to the connector as they are."""
    return json.dumps(
        {
            "conn_type": "databricks",
            "host": warehouse.host,
            "password": warehouse.token,
            "extra": {"http_path": warehouse.http_path, "_port": warehouse.port, "enable_telemetry": False},
        }
    )
