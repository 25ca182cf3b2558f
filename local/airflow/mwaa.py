"""The double of Amazon MWAA: joins one Airflow to a bucket, the CLI endpoint and the control plane."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Self

from local.airflow.bucket_sync import BucketSync
from local.airflow.cli_endpoint import CliEndpoint
from local.airflow.control_plane import ControlPlane, Environment
from local.airflow.http_server import HttpServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from local.airflow.control_plane import Authorize
    from local.airflow.server import LocalAirflow
    from local.certificates import Certificates

TOKEN_LIFE_SECONDS = 60


class LocalMwaa:
    """One MWAA environment on a started Airflow.

    Clients come with ``AWS_ENDPOINT_URL_MWAA=endpoint``, ``AWS_DISABLE_HOST_PREFIX_INJECTION=true`` and, for the
    CLI endpoint, trust in the certificates' authority. ``failed_command_status`` is the HTTP status for a command
    that ends with another exit status than 0: 200 is what public clients of MWAA build on, but AWS does not say.
    """

    def __init__(
        self,
        airflow: LocalAirflow,
        *,
        name: str,
        s3_client: S3Client,
        bucket: str,
        dags_path: str = "dags",
        certificates: Certificates,
        sync_interval_seconds: int = 10,
        authorize: Authorize | None = None,
        account_id: str = "000000000000",
        failed_command_status: int = 200,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sync = BucketSync(s3_client, bucket, dags_path, airflow.dags_folder, sync_interval_seconds)
        tokens = CliTokens(clock)
        self._cli_endpoint = CliEndpoint(airflow, tokens.valid, failed_command_status)
        self._web_server = HttpServer(self._cli_endpoint.answer, certificates)
        environment = Environment(name, account_id, airflow, bucket, dags_path, self._web_server.address)
        self._control_plane = HttpServer(ControlPlane(environment, tokens.issue, authorize).answer)

    @property
    def endpoint(self) -> str:
        """The AWS control plane: the value of ``AWS_ENDPOINT_URL_MWAA``."""
        return f"http://{self._control_plane.address}"

    @property
    def web_server(self) -> str:
        """Host and port of the CLI endpoint, as ``CreateCliToken`` tells them."""
        return self._web_server.address

    @property
    def most_cli_calls_at_once(self) -> int:
        """AWS asks for one: "not open a new request until the previous one completes"."""
        return self._cli_endpoint.most_at_once

    def start(self) -> None:
        """Syncs once and starts to listen; raises botocore's error when the bucket cannot be read."""
        self.sync_now()
        self._sync.start()
        self._web_server.start()
        self._control_plane.start()

    def stop(self) -> None:
        self._control_plane.stop()
        self._web_server.stop()
        self._sync.stop()

    def sync_now(self) -> None:
        """Makes the dags folder equal to the bucket's, without waiting for the next round."""
        self._sync.sync()

    def sync_paused(self) -> AbstractContextManager[None]:
        """Until it ends, the dags folder is the caller's; what is not in the bucket is removed from it then."""
        return self._sync.paused()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class CliTokens:
    """The tokens that CreateCliToken gave out, each good for 60 seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expiries: dict[str, float] = {}

    def issue(self) -> str:
        token = secrets.token_urlsafe(32)
        self._expiries[token] = self._clock() + TOKEN_LIFE_SECONDS
        return token

    def valid(self, token: str) -> bool:
        return self._clock() < self._expiries.get(token, float("-inf"))
