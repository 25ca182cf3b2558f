"""``airflow.cfg`` of a local Airflow: what differs from Airflow's defaults, per line, and why."""

from __future__ import annotations

import configparser
import io
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

type Line = Literal["2", "3"]
type Sections = dict[str, dict[str, str]]

USERNAME = "admin"
_LINE_2_LOGINS = (
    "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
    "airflow.api.auth.backend.session",  # the user interface's own calls
)


@dataclass(frozen=True)
class Configuration:
    """Where one Airflow lives and listens, and how often it looks at its dags folder."""

    line: Line
    folder: Path
    port: int
    scan_interval_seconds: int
    password: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        return self.folder / "airflow.db"

    @property
    def passwords_file(self) -> Path:
        return self.folder / "passwords.json"

    def write(self) -> None:
        """Makes the folder that is AIRFLOW_HOME, with ``airflow.cfg`` in it."""
        (self.folder / "dags").mkdir(parents=True, exist_ok=True)
        (self.folder / "airflow.cfg").write_text(self.text())

    def text(self) -> str:
        sections = _common(self)
        for section, options in (_line_2(self) if self.line == "2" else _line_3(self)).items():
            sections.setdefault(section, {}).update(options)
        parser = configparser.RawConfigParser()
        parser.read_dict(sections)
        text = io.StringIO()
        parser.write(text)
        return text.getvalue()


def _common(configuration: Configuration) -> Sections:
    """What both lines share. DAGs are paused at creation, as on MWAA: that is Airflow's own default."""
    folder = configuration.folder
    return {
        "core": {
            "dags_folder": str(folder / "dags"),
            "plugins_folder": str(folder / "plugins"),
            "load_examples": "False",
            "executor": "LocalExecutor",
            "parallelism": "2",  # the machine has two cores
            "dagbag_import_timeout": "150",  # … and may do much else meanwhile: 30 s pass without a fault of the module
            "fernet_key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        },
        # Several processes share the file: they wait for each other instead of failing.
        "database": {"sql_alchemy_conn": f"sqlite:///{configuration.database}?timeout=60"},
        "logging": {"base_log_folder": str(folder / "logs")},
    }


def _line_2(configuration: Configuration) -> Sections:
    interval = str(configuration.scan_interval_seconds)
    return {
        "api": {"auth_backends": ",".join(_LINE_2_LOGINS)},
        "core": {"auth_manager": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"},
        "fab": {"update_fab_perms": "False"},  # the database of the cache has them
        "metrics": {"timer_unit_consistency": "True"},  # without it every command warns about it
        "scheduler": {
            "dag_dir_list_interval": interval,
            "min_file_process_interval": interval,
            "parsing_processes": "1",
        },
        "webserver": {
            "base_url": configuration.url,
            "secret_key": secrets.token_hex(32),
            "warn_deployment_exposure": "False",
        },
    }


def _line_3(configuration: Configuration) -> Sections:
    interval = str(configuration.scan_interval_seconds)
    return {
        "api": {
            "base_url": configuration.url,
            "host": "127.0.0.1",
            "port": str(configuration.port),
            "secret_key": secrets.token_hex(32),
            "workers": "1",
        },
        "api_auth": {"jwt_secret": secrets.token_hex(32)},
        "core": {
            "execution_api_server_url": f"{configuration.url}/execution/",
            "simple_auth_manager_users": f"{USERNAME}:admin",
            "simple_auth_manager_passwords_file": str(configuration.passwords_file),
        },
        "dag_processor": {
            "bundle_refresh_check_interval": str(min(5, configuration.scan_interval_seconds)),
            "min_file_process_interval": interval,
            "parsing_processes": "1",
            "refresh_interval": interval,
        },
        "openlineage": {"disabled": "True"},  # a dependency of a dependency that would listen to every run
    }
