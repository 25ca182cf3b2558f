"""SQLMesh as a peer: a process of its own, with a Spark of the local warehouse's settings, that makes environments."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from local.toolchain import ROOT, python_of
from local.warehouse.process import require_java

_PROGRAM: Final = Path(__file__).with_name("sqlmesh_process.py")


class SqlMesh:
    """Asks a process of SQLMesh for environments of its project's models."""

    def __init__(self, process: subprocess.Popen[str], models: int, log: Path) -> None:
        self._process, self._models, self._log = process, models, log

    def make_anew(self, environment: str) -> float:
        """Seconds of one environment, by a context and a session of its own, whose loading is not counted."""
        return self._make("new", environment)

    def make_again(self, environment: str) -> float:
        """Seconds of one environment, by the context and the session that made the one before."""
        return self._make("warm", environment)

    def _make(self, how: str, environment: str) -> float:
        questions, answers = _pipe(self._process.stdin), _pipe(self._process.stdout)
        questions.write(f"{how} {environment}\n")
        questions.flush()
        if not (line := answers.readline()):
            raise RuntimeError(f"SQLMesh ended without an answer:\n{self._log.read_text()[-4000:]}")
        answer = json.loads(line)
        if answer["views"] != self._models:
            raise RuntimeError(f"{environment} has {answer['views']} views in SQLMesh, expected {self._models}")
        return float(answer["seconds"])


@contextmanager
def sqlmesh_of(models: int, folder: Path) -> Iterator[SqlMesh]:
    """A project of so many models; all that it writes is in ``folder``."""
    (folder / "temporary").mkdir(parents=True)
    log = folder / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [python_of("sqlmesh"), "-P", "-W", "ignore", _PROGRAM, str(models)],
            env=_environment(folder),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield SqlMesh(process, models, log)
        finally:
            _pipe(process.stdin).close()  # the process ends, and its Spark with it


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "JAVA_HOME": str(require_java()),
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true",
        "TMPDIR": str(folder / "temporary"),
        "TZ": "UTC",
    }


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
