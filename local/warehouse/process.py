"""The parent's side of the local warehouse: starts its process, connects to it, ends it and removes its files."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import ssl
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local.certificates import Certificates
from local.processes import Child
from local.toolchain import ROOT, python_of
from local.warehouse.faults import Fault
from local.warehouse.https_server import FAULTS_PATH, LATENCY_PATH, REQUESTS_PATH

if TYPE_CHECKING:
    from databricks.sql.client import Connection

JAVA_VERSION = 17  # what Spark 4 needs at least
START_SECONDS = 180.0  # deadline: about 15 s where the machine is its own, 40 where everything starts at once


class MissingJavaError(RuntimeError):
    """There is no Java on this machine that Spark runs on."""


def require_java() -> Path:
    """The folder of a Java of version 17 or later, from JAVA_HOME or else PATH; raises MissingJavaError."""
    home = os.environ.get("JAVA_HOME")
    java = Path(home) / "bin" / "java" if home else shutil.which("java")
    where = "JAVA_HOME" if home else "PATH"
    if java is None or not Path(java).is_file():
        raise MissingJavaError(f"Java {JAVA_VERSION} or later is needed for the local warehouse; {where} has none")
    version = _java_version(Path(java))
    if version < JAVA_VERSION:
        raise MissingJavaError(f"Java {JAVA_VERSION} or later is needed for the local warehouse; {where} has {version}")
    return Path(java).resolve().parent.parent


def _java_version(java: Path) -> int:
    """17 for ``openjdk version "17.0.15"``, 8 for the old form ``java version "1.8.0_292"``, 0 for anything else."""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0


class LocalWarehouse:
    """A warehouse on loopback with a random port and secrets; its tables live in ``folder`` until it stops."""

    host = "localhost"
    http_path = "/sql/1.0/warehouses/local"

    def __init__(self, folder: Path, certificates: Certificates, *, latency_ms: int = 0) -> None:
        self.log = folder / "warehouse.log"
        self.port = 0
        self.token = ""
        self.client_id = ""
        self.client_secret = ""
        self._certificates = certificates
        self._data = folder / "data"
        self._latency_ms = latency_ms
        self._child: Child | None = None

    def start(self) -> None:
        """Returns when the warehouse answers; raises MissingJavaError, or NotReadyError with the log's end."""
        java = require_java()
        self.token = f"dapi{secrets.token_hex(16)}"
        self.client_id, self.client_secret = str(uuid.uuid4()), f"dose{secrets.token_hex(16)}"
        self._make_data_folder()
        port_file = self._data / "port"
        self._child = Child(self._command(port_file), log=self.log, env=self._environment(java), cwd=ROOT)
        try:
            self._child.wait_until(port_file.exists, what="the local warehouse", deadline_seconds=START_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.port = int(port_file.read_text())

    def stop(self) -> None:
        """Ends the process and removes its tables; the log stays."""
        if self._child:
            self._child.stop()
            self._child = None
        shutil.rmtree(self._data, ignore_errors=True)

    def connect(self, **options: Any) -> Connection:
        """The unmodified connector, with the settings that a client on this machine needs; ``options`` add to them."""
        from databricks import sql

        settings = {
            "server_hostname": self.host,
            "http_path": self.http_path,
            "access_token": self.token,
            "_port": self.port,
            "_tls_trusted_ca_file": str(self._certificates.authority),
            "enable_telemetry": False,
        }
        return sql.connect(**settings | options)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of one statement, in a session of its own."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()]

    @property
    def client_credentials(self) -> str:
        """A service principal's secret, in the form that the functions take it."""
        return json.dumps({"client_id": self.client_id, "client_secret": self.client_secret})

    def set_latency(self, latency_ms: int) -> None:
        """Changes what is added to each request from now on."""
        self._control("PUT", LATENCY_PATH, str(latency_ms))
        self._latency_ms = latency_ms

    @property
    def requests(self) -> int:
        """How many requests have come: whatever is asked of the warehouse, also for a token or in vain."""
        return int(self._control("GET", REQUESTS_PATH))

    @contextmanager
    def faults(self, *faults: Fault) -> Iterator[None]:
        """What goes wrong meanwhile."""
        self._plan(faults)
        try:
            yield
        finally:
            self._plan(())

    def _plan(self, faults: Sequence[Fault]) -> None:
        self._control("PUT", FAULTS_PATH, json.dumps([asdict(fault) for fault in faults]))

    def _control(self, method: str, path: str, body: str | None = None) -> str:
        request = urllib.request.Request(
            f"https://{self.host}:{self.port}{path}",
            method=method,
            data=None if body is None else body.encode(),
            headers={"Authorization": f"Bearer {self.token}"},
        )
        context = ssl.create_default_context(cafile=self._certificates.authority)
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return str(answer.read().decode())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _make_data_folder(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        (self._data / "temporary").mkdir(parents=True)

    def _command(self, port_file: Path) -> list[str | Path]:
        return [
            *(python_of("warehouse"), "-m", "local.warehouse"),
            *("--folder", self._data),
            *("--port-file", port_file),
            *("--certificate", self._certificates.certificate),
            *("--key", self._certificates.key),
            *("--http-path", self.http_path),
            *("--latency-ms", str(self._latency_ms)),
        ]

    def _environment(self, java: Path) -> dict[str, str]:
        """Nothing of the developer's own Spark, Hadoop or Python settings."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "JAVA_HOME": str(java),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "TMPDIR": str(self._data / "temporary"),
            "TZ": "UTC",  # pyspark gives timestamps in the process's time zone
            "PYTHONUNBUFFERED": "1",
            "WAREHOUSE_TOKEN": self.token,
            "WAREHOUSE_CLIENT_ID": self.client_id,
            "WAREHOUSE_CLIENT_SECRET": self.client_secret,
        }
