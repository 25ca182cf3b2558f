"""The pinned SAM CLI as a command: without docker, without an account of the caller's, without leftovers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.toolchain import CACHE, script_of


def run_sam(command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    """Runs SAM with a temporary folder of its own, because it leaves empty folders behind in it.

    Raises CalledProcessError with SAM's own words as a note.
    """
    with tempfile.TemporaryDirectory(prefix="sam-") as temporary:
        try:
            subprocess.run(
                [script_of("sam", "sam"), *command],
                cwd=cwd,
                env={**_environment(), **(environment or {}), "TMPDIR": temporary},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            error.add_note(error.stdout)
            raise


def _environment() -> dict[str, str]:
    """The caller's environment, for pip's sake, without its AWS account and Python, and with a whole Python 3.12."""
    foreign = ("AWS_", "SAM_", "PYTHON", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign) or key == "AWS_CA_BUNDLE"}
    return {
        **kept,
        "PATH": os.pathsep.join([f"{sys.base_prefix}/bin", os.environ.get("PATH", os.defpath)]),
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(CACHE / "sam"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
