"""A real Airflow as child processes in one folder: scheduler, web server, and for Airflow 3 the DAG processor.

A process that ends by itself is started again, as MWAA does: Airflow 3's DAG processor ends when a DAG's row is deleted
while it writes it.
"""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from local.airflow.configuration import USERNAME, Configuration, Line
from local.airflow.database import environment_of, make_database
from local.airflow.rest import AirflowRest
from local.processes import Child, NotReadyError, wait_until
from local.toolchain import script_of

_START_DEADLINE_SECONDS = 240  # 15 to 30 are usual; the first start also compiles Airflow's modules

# Airflow 2 parses in a process group of its own, which only the scheduler itself can end.
_STOP_GRACE_SECONDS = 30
_LOOK_EVERY_SECONDS = 1


class LocalAirflow:
    """Airflow of one line ("2" or "3"), everything of it inside ``folder``.

    ``environment`` is added to that of all its processes, tasks included: connections as ``AIRFLOW_CONN_*``,
    ``SSL_CERT_FILE``. A new file in ``dags_folder`` is found within ``scan_interval_seconds``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        line: Line,
        environment: Mapping[str, str] | None = None,
        scan_interval_seconds: int = 10,
    ) -> None:
        self.folder = folder
        self.line = line
        self.username = USERNAME
        self._configuration = Configuration(line, folder, _free_port(), scan_interval_seconds)
        self.password = self._configuration.password
        self.url = self._configuration.url
        self.dags_folder = folder / "dags"
        self.version = _pinned_version(line)
        self._environment = environment_of(folder) | dict(environment or {})
        self._airflow = script_of(f"airflow-{line}", "airflow")
        self.rest = AirflowRest(line, self.url, self.username, self.password)
        self._children: dict[str, Child] = {}
        self._is_stopping = threading.Event()
        self._watch = threading.Thread(target=self._start_again_what_ends, daemon=True)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> None:
        """Returns when Airflow calls itself healthy, every process of it."""
        # Not inside of the folder: sockets are made there, and their paths may have 107 characters.
        self._temporary = tempfile.TemporaryDirectory(prefix="airflow-", ignore_cleanup_errors=True)
        self._environment["TMPDIR"] = self._temporary.name
        self._configuration.write()
        self._configuration.passwords_file.write_text(json.dumps({self.username: self.password}))
        make_database(self._configuration)
        try:
            for name in self._commands():
                self._start_part(name)
            wait_until(self._healthy, what="Airflow is healthy", deadline_seconds=_START_DEADLINE_SECONDS)
            self._watch.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends all processes; the folder stays, for its logs."""
        self._is_stopping.set()
        if self._watch.is_alive():
            self._watch.join()
        while self._children:
            self._children.popitem()[1].stop(grace_seconds=_STOP_GRACE_SECONDS)
        if self._temporary is not None:
            self._temporary.cleanup()
        self.rest.close()

    def process_id(self, part: str) -> int:
        """Of the ``scheduler``, ``dag-processor``, ``api-server``, …; another once that was started again."""
        return self._children[part].pid

    def cli(self, *arguments: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[bytes]:
        """The real ``airflow`` command against the real database; its exit status is the caller's to read."""
        return subprocess.run(
            [self._airflow, *arguments],
            env=self._environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout_seconds,
        )

    def api(self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None) -> tuple[int, Any]:
        """Calls Airflow's REST API: ``path`` without the version prefix; the status and the JSON of the answer."""
        return self.rest.call(method, path, query, body)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_part(self, name: str) -> None:
        log = self.folder / "logs" / f"{name}.log"
        self._children[name] = Child(self._commands()[name], log=log, env=self._environment)

    def _start_again_what_ends(self) -> None:
        while not self._is_stopping.wait(_LOOK_EVERY_SECONDS):
            for name in [name for name, child in self._children.items() if not child.running()]:
                self._children[name].stop()  # what it has left behind
                self._start_part(name)

    def _commands(self) -> dict[str, list[str | Path]]:
        commands: dict[str, list[str | Path]] = {"scheduler": [self._airflow, "scheduler", "--skip-serve-logs"]}
        if self.line == "3":
            commands["api-server"] = [self._airflow, "api-server"]
            commands["dag-processor"] = [self._airflow, "dag-processor"]
        else:
            commands["webserver"] = self._gunicorn()
        return commands

    def _gunicorn(self) -> list[str | Path]:
        """What ``airflow webserver`` starts, without the process that only watches it and takes seconds to start."""
        address = self.url.removeprefix("http://")
        options = f"--workers 1 --timeout 120 --bind {address} --config python:airflow.www.gunicorn_config --preload"
        return [self._airflow.with_name("gunicorn"), *options.split(), "airflow.www.app:cached_app()"]

    def _healthy(self) -> bool:
        for child in self._children.values():
            if not child.running():
                raise NotReadyError(f"Airflow has ended while it started\n{child.log_end()}")
        return self.rest.healthy()


def _pinned_version(line: Line) -> str:
    python = script_of(f"airflow-{line}", "python")
    [metadata] = python.parent.parent.glob("lib/python*/site-packages/apache_airflow-[0-9]*.dist-info")
    return metadata.name.removeprefix("apache_airflow-").removesuffix(".dist-info")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
