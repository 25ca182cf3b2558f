"""What a lane of a local stack has of its own: Airflow behind MWAA's double, bucket, secrets, deployed template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from local.airflow import LocalAirflow, LocalMwaa
from local.airflow.configuration import Line
from local.aws import DeployedStack, LocalAws
from local.aws.sandbox import Watch
from local.parts import Parts
from local.toolchain import tool_path
from local.warehouse.process import LocalWarehouse


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
class Names:
    """``stack`` is CloudFormation's, ``environment`` MWAA's, ``connection`` Airflow's id of that to the warehouse."""

    stack: str
    environment: str
    dags_bucket: str
    connection: str


@dataclass(frozen=True)
class Secrets:
    """The texts of a lane's secrets."""

    webhook: str
    github: str
    databricks: str


class Lane:
    """Airflow and MWAA's double are made, and started by the caller; ``deploy`` may be called again with more."""

    def __init__(
        self,
        parts: Parts,
        names: Names,
        secrets: Secrets,
        *,
        folder: Path,
        line: Line = "3",
        intervals: Intervals | None = None,
        between: Between | None = None,
    ) -> None:
        self.names = names
        self.secrets = secrets
        self._parts = parts
        self._between = between
        intervals = intervals or Intervals()
        self.airflow = LocalAirflow(
            folder / "airflow",
            line=line,
            environment=self._environment_of_tasks(),
            scan_interval_seconds=intervals.scan_seconds,
        )
        _make_bucket(parts.aws, names.dags_bucket)
        self.mwaa = LocalMwaa(
            self.airflow,
            name=names.environment,
            s3_client=parts.aws.client("s3"),
            bucket=names.dags_bucket,
            certificates=parts.certificates,
            sync_interval_seconds=intervals.sync_seconds,
            authorize=parts.aws.permits,
        )
        self._function_environment = self._environment_of_functions()
        self._given = self._parameters(secrets)

    def deploy(self, parameters: Mapping[str, str]) -> DeployedStack:
        """The template with what every stack has to be given, and these parameters."""
        return self._parts.aws.deploy(
            self._parts.build,
            stack_name=self.names.stack,
            parameters={**self._given, **parameters},
            function_environment=self._function_environment,
            watch=self._between.watch if self._between else None,
        )

    def _address(self, upstream: str, url: str) -> str:
        return self._between.address(upstream, url) if self._between else url

    def _environment_of_tasks(self) -> dict[str, str]:
        parts, names = self._parts, self.names
        return {
            "SSL_CERT_FILE": str(parts.certificates.authority),
            f"AIRFLOW_CONN_{names.connection.upper()}": _connection(parts.warehouse),
            "PATH": tool_path("awscli"),  # MWAA has it
            **parts.aws.reader(f"mwaa-{names.environment}", f"{names.dags_bucket}/artifacts/*"),
        }

    def _environment_of_functions(self) -> dict[str, str]:
        self._address("mwaa-cli", f"https://{self.mwaa.web_server}")  # which the control plane tells
        return {
            "AWS_ENDPOINT_URL_MWAA": self._address("mwaa", self.mwaa.endpoint),
            "SSL_CERT_FILE": str(self._parts.certificates.authority),
            **(self._between.aws_endpoints(self._parts.aws.endpoint) if self._between else {}),
        }

    def _parameters(self, secrets: Secrets) -> dict[str, str]:
        names, warehouse = self.names, self._parts.warehouse
        return {
            "GitHubApiUrl": self._address("github", self._parts.github.url),
            "MwaaEnvironmentName": names.environment,
            "DagsBucketName": names.dags_bucket,
            "DatabricksHost": _host(self._address("warehouse", f"https://{warehouse.host}:{warehouse.port}")),
            "DatabricksHttpPath": warehouse.http_path,
            "PushSettleSeconds": "2",
            **_made_secrets(self._parts.aws, names.stack, secrets),
        }


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _make_bucket(aws: LocalAws, name: str) -> None:
    """MWAA's bucket, versioned as MWAA demands."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def _made_secrets(aws: LocalAws, stack: str, secrets: Secrets) -> dict[str, str]:
    """The parameters of the template that name them."""
    client = aws.client("secretsmanager")
    texts = {
        "WebhookSecretArn": ("webhook", secrets.webhook),
        "GitHubTokenSecretArn": ("github", secrets.github),
        "DatabricksTokenSecretArn": ("databricks", secrets.databricks),
    }
    return {
        parameter: client.create_secret(Name=f"{stack}/{name}", SecretString=text)["ARN"]
        for parameter, (name, text) in texts.items()
    }


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
