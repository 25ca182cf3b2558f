"""The environment of a process that does no more with Airflow than to load DAG files: no server, no database."""

from __future__ import annotations

import os
from pathlib import Path


def loader_environment(home: Path, dags: Path) -> dict[str, str]:
    """``home`` is for what Airflow and the runtime write; its temporary folder is made."""
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
