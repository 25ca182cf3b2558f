"""Airflow's SQLite database: migrated once per virtual environment and copied from a cache, as migrating takes long."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from local.airflow.configuration import USERNAME, Configuration, Line
from local.toolchain import CACHE, script_of

_PBKDF2_ITERATIONS = 100_000


def environment_of(folder: Path) -> dict[str, str]:
    """The process environment of every Airflow command: nothing of the caller's Airflow, nobody to report to."""
    return {
        "AIRFLOW_HOME": str(folder),
        "DO_NOT_TRACK": "1",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
        "SCARF_ANALYTICS": "false",
        # Airflow 2 refuses SQLite beside LocalExecutor; Airflow 3 does not. With a write-ahead log it works.
        "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
    }


def make_database(configuration: Configuration) -> None:
    """Puts a migrated database into the configuration's folder, in which its user can log in."""
    shutil.copyfile(_migrated_database(configuration.line), configuration.database)
    if configuration.line == "2":
        _set_password(configuration.database, configuration.password)


def _migrated_database(line: Line) -> Path:
    cached = CACHE / "airflow" / f"{script_of(f'airflow-{line}', 'airflow').parent.parent.name}.db"
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
            made = _migrate(Configuration(line, Path(folder), port=0, scan_interval_seconds=300))
            made.replace(cached)
        _drop_older(cached, line)
    return cached


def _drop_older(kept: Path, line: Line) -> None:
    for other in kept.parent.glob(f"airflow-{line}-*.db"):
        if other != kept:
            other.unlink(missing_ok=True)


def _migrate(configuration: Configuration) -> Path:
    configuration.write()
    _airflow(configuration, "db", "migrate")
    if configuration.line == "2":
        _create_user(configuration)
    with contextlib.closing(sqlite3.connect(configuration.database)) as connection:
        # Kept in the file: readers and the one writer do not wait for each other any more.
        connection.execute("PRAGMA journal_mode=WAL")
    return configuration.database


def _create_user(configuration: Configuration) -> None:
    names = ["--username", USERNAME, "--firstname", "Local", "--lastname", "User", "--email", "admin@localhost"]
    _airflow(configuration, "users", "create", *names, "--role", "Admin", "--password", configuration.password)
    _airflow(configuration, "sync-perm")


def _airflow(configuration: Configuration, *arguments: str) -> None:
    airflow = script_of(f"airflow-{configuration.line}", "airflow")
    environment = environment_of(configuration.folder) | {"AIRFLOW__FAB__UPDATE_FAB_PERMS": "True"}
    subprocess.run([airflow, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)


def _set_password(database: Path, password: str) -> None:
    """Sets the user's password as Flask-AppBuilder keeps it: the command for it takes seconds to start."""
    salt = secrets.token_hex(8)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), _PBKDF2_ITERATIONS).hex()
    stored = f"pbkdf2:sha256:{_PBKDF2_ITERATIONS}${salt}${digest}"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE ab_user SET password = ? WHERE username = ?", (stored, USERNAME))
