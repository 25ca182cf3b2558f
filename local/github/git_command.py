"""The git command, run away from the machine's own configuration and identity."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_IDENTITY = {"NAME": "Dana Developer", "EMAIL": "dana@example.org"}
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _IDENTITY.items()},
}
IDENTITY = f"{_IDENTITY['NAME']} <{_IDENTITY['EMAIL']}>"


class GitError(RuntimeError):
    """git ended with an error; the message holds what it said."""


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Runs git in the repository ``folder`` and returns its standard output; raises GitError."""
    done = _run(folder, arguments, stdin)
    if done.returncode != 0:
        raise GitError(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def git_line(folder: Path, *arguments: str) -> str | None:
    """The first line of git's answer, or None where git says no."""
    done = _run(folder, arguments, b"")
    return done.stdout.decode().split("\n", 1)[0] if done.returncode == 0 else None


def git_says_yes(folder: Path, *arguments: str) -> bool:
    return _run(folder, arguments, b"").returncode == 0


def git_stream(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts git with a pipe for its standard output; whoever takes it closes it."""
    return subprocess.Popen(["git", *arguments], cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE)


def _run(folder: Path, arguments: tuple[str, ...], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=ENVIRONMENT, input=stdin, capture_output=True, check=False
    )
