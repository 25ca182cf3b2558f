"""The AWS emulator as a child process: HTTPS on loopback, with IAM policies enforced and nothing kept after its end."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import boto3
from botocore.config import Config

from local.certificates import Certificates
from local.processes import Child
from local.toolchain import python_of

REGION = "eu-central-1"
ACCOUNT = "000000000000"
_ADMINISTRATOR = "AKIALOCALADMINISTRATR"
_LONGEST_LAMBDA_SECONDS = 900
_APPLICATION = Path(__file__).parent / "emulator" / "mended.py"


class Ministack:
    """``start()`` returns when the emulator answers; ``client()`` and ``environment()`` speak as its administrator."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self._folder = folder
        self._certificates = certificates
        self._port = _free_port()
        self._secret = secrets.token_hex(20)
        self._child: Child | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="emulator-", dir=_made(self._folder))
        self._child = Child(
            [python_of("ministack"), *self._server()],
            log=self._folder / "logs" / "ministack.log",
            env=self._settings(Path(self._temporary.name)),
            cwd=Path(self._temporary.name),
        )
        self._child.wait_until(self._answers, what="the AWS emulator", deadline_seconds=60)

    def stop(self) -> None:
        if self._child:
            self._child.stop()
        if self._temporary:
            self._temporary.cleanup()
        self._child = self._temporary = None

    def client(self, service: str, credentials: Mapping[str, Any] | None = None) -> Any:
        """A boto3 client with these credentials, by STS's names, or with the administrator's.

        An answer may take as long as a Lambda may run.
        """
        given = credentials or {"AccessKeyId": _ADMINISTRATOR, "SecretAccessKey": self._secret}
        session = boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given.get("SessionToken"),
            region_name=REGION,
        )
        config = Config(
            read_timeout=_LONGEST_LAMBDA_SECONDS,
            retries={"total_max_attempts": 1},
            proxies={},
            inject_host_prefix=False,
        )
        return cast("Any", session).client(
            service, endpoint_url=self.endpoint, verify=str(self._certificates.authority), config=config
        )

    def environment(self) -> dict[str, str]:
        """What a command needs in its environment to talk to the emulator as the administrator, and to nobody else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(self._certificates.authority),
            "AWS_ACCESS_KEY_ID": _ADMINISTRATOR,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def _server(self) -> list[str | Path]:
        """The emulator's own start would serve port 443 as well, wherever it may."""
        return [
            *("-m", "hypercorn", f"{_APPLICATION}:app", "--workers", "0", "--keep-alive", "75"),
            *("--bind", f"127.0.0.1:{self._port}"),
            *("--certfile", self._certificates.certificate, "--keyfile", self._certificates.key),
        ]

    def _settings(self, temporary: Path) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "HOME": str(temporary),
            "TMPDIR": str(temporary),
            "STATE_DIR": str(temporary / "state"),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "USE_SSL": "1",  # so that the URLs which it makes begin with https
            "MINISTACK_SSL_CERT": str(self._certificates.certificate),
            "MINISTACK_SSL_KEY": str(self._certificates.key),
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": _ADMINISTRATOR,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # A function that is not bound to a sandbox fails, instead of running on the emulator's own Python.
            "LAMBDA_STRICT": "1",
        }

    def _answers(self) -> bool:
        trusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self._certificates.authority))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusting)
        try:
            with opener.open(f"{self.endpoint}/_ministack/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
