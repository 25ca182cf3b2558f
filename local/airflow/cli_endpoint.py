"""``POST /aws_mwaa/cli``: runs the real ``airflow`` command and answers as the web server of MWAA does.

What is not public is modelled on what public clients of MWAA rely on: an unsupported command answers 500
(aws/amazon-mwaa-docker-images issue 148), a command that fails answers 200 with its traceback in ``stderr``
(SQLMesh's MWAA client reads "does not exist" there after raising for any 4xx), and a second request waits,
because AWS asks to "not open a new request until the previous one completes" without naming a refusal.
"""

from __future__ import annotations

import shlex
import subprocess
import threading
from base64 import b64encode
from typing import TYPE_CHECKING

from local.airflow.cli_commands import SUPPORTED
from local.airflow.http_server import Reply, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.airflow.server import LocalAirflow

_PATH = "/aws_mwaa/cli"


class CliEndpoint:
    """Answers one command at a time; ``most_at_once`` is how many requests ever waited or ran together."""

    def __init__(self, airflow: LocalAirflow, token_valid: Callable[[str], bool], failed_command_status: int) -> None:
        self._airflow = airflow
        self._token_valid = token_valid
        self._failed_command_status = failed_command_status
        self._one_at_a_time = threading.Lock()
        self._counting = threading.Lock()
        self._open = 0
        self.most_at_once = 0

    def answer(self, request: Request) -> Reply:
        with self._counting:
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        try:
            return self._answer(request)
        finally:
            with self._counting:
                self._open -= 1

    def _answer(self, request: Request) -> Reply:
        refusal = self._refusal(request)
        if refusal:
            return refusal
        try:
            arguments = shlex.split(request.body.decode())
        except ValueError as error:
            return Reply(400, f"Bad Request: {error}")
        if not is_supported(arguments, self._airflow.line):
            return Reply(500, "Internal Server Error")
        with self._one_at_a_time:
            return self._run(arguments)

    def _refusal(self, request: Request) -> Reply | None:
        if request.path.rstrip("/") != _PATH:
            return Reply(404, "Not Found")
        if request.method != "POST":
            return Reply(405, "Method Not Allowed")
        if not self._token_valid(request.headers.get("Authorization", "").removeprefix("Bearer ")):
            return Reply(403, "Forbidden")
        if request.headers.get_content_type() != "text/plain" or "Content-Type" not in request.headers:
            return Reply(415, "Unsupported Media Type: the command is expected as text/plain")
        return None

    def _run(self, arguments: list[str]) -> Reply:
        try:
            done = self._airflow.cli(*arguments)
        except subprocess.TimeoutExpired:
            return Reply(504, "Gateway Timeout")
        status = 200 if done.returncode == 0 else self._failed_command_status
        return Reply(status, {"stdout": b64encode(done.stdout).decode(), "stderr": b64encode(done.stderr).decode()})


def is_supported(arguments: list[str], line: str) -> bool:
    """Whether MWAA runs this command: by its first two words, or by its first if it has no subcommands."""
    return " ".join(arguments[:2]) in SUPPORTED[line] or " ".join(arguments[:1]) in SUPPORTED[line]
