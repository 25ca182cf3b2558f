"""What the runtime keeps between processes is each test's own: nothing of it is found by another, or left behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest

from dagbranch.runtime import cache


@pytest.fixture(autouse=True)
def _own_private_files(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
    cache.cache_of.cache_clear()
    yield
    cache.cache_of.cache_clear()
