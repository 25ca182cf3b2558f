from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.command import write
from tests.fakes.examples import DATA_FILE, FILES


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A pipelines repository as somebody has it checked out."""
    folder = tmp_path / "pipelines"
    write(folder, {**FILES, "dagbranch.yaml": DATA_FILE, "README.md": b"not packaged", ".git/config": b"[core]"})
    return folder


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    return tmp_path / "airflow" / "dags"
