"""The virtual environments of the local stack: one per tool that wants its own, pinned, cached in the checkout.

``python -m local.toolchain NAME …`` makes them ahead of time; ``python_of(NAME)`` makes them on demand.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
REQUIREMENTS = ROOT / "local" / "requirements"
PYTHON_VERSION = "3.12"


def python_of(name: str, interpreter: str = sys.executable) -> Path:
    """The interpreter of the virtual environment pinned in ``local/requirements/<name>.txt``, made if it is not there.

    ``interpreter``: the Python to make it with; each has its own environment. The folder's name carries the digest of
    the pins, so a changed pin makes a new environment and an old one is never half-updated.
    Raises CalledProcessError with the installer's own words on standard error.
    """
    pins = REQUIREMENTS / f"{name}.txt"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    label = name if interpreter == sys.executable else f"{name}-{Path(interpreter).name}"
    folder = CACHE / "venvs" / f"{label}-{digest}"
    with _Lock(label):
        if not (folder / "complete").exists():
            _make(folder, pins, interpreter)
            (folder / "complete").touch()
            _drop_older(label, keep=folder)
    return folder / "bin" / "python"


def script_of(name: str, script: str) -> Path:
    """A console script of that virtual environment, such as ``script_of("sam", "sam")``."""
    return python_of(name).with_name(script)


def tool_path(*names: str) -> str:
    """A PATH with the scripts of these environments before the machine's own."""
    return os.pathsep.join([*(str(python_of(name).parent) for name in names), os.environ.get("PATH", os.defpath)])


def _make(folder: Path, pins: Path, interpreter: str) -> None:
    print(f"making the virtual environment {folder.name} …", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    uv = Path(sys.prefix) / "bin" / "uv"
    subprocess.run([uv, "venv", "--quiet", "--python", interpreter, folder], check=True)
    # Compiled here, once: Airflow's processes start together, and each would compile what the others do.
    options = ["--quiet", "--require-hashes", "--compile-bytecode"]
    subprocess.run([uv, "pip", "sync", *options, "--python", folder / "bin" / "python", pins], check=True)


def _drop_older(name: str, keep: Path) -> None:
    for other in keep.parent.glob(f"{name}-????????????"):
        if other != keep:
            shutil.rmtree(other, ignore_errors=True)


class _Lock:
    """One maker at a time per environment, across processes."""

    def __init__(self, name: str) -> None:
        (CACHE / "venvs").mkdir(parents=True, exist_ok=True)
        self._path = CACHE / "venvs" / f"{name}.lock"

    def __enter__(self) -> None:
        self._file = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        print(python_of(wanted))
