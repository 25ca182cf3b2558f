"""The packages that a dbt project installs: what their models would write is in none of the repository's files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dagbranch.domain.dbt_files import ProjectFiles

# They have macros only, and these read what they are handed.
KNOWN_PACKAGES: Final = frozenset({"dbt_utils", "dbt_date", "dbt_expectations", "spark_utils", "audit_helper"})
_FILES: Final = ("packages.yml", "dependencies.yml")
_PACKAGE: Final = re.compile(r"^[ \t]*-[ \t]*(?:package|git|local|tarball)[ \t]*:[ \t]*(\S+)", re.MULTILINE)


def installed_packages(project: ProjectFiles) -> Iterator[tuple[str, int]]:
    """Where packages are named that may have models: path and line."""
    for path in (project.folder + file for file in _FILES):
        text = project.text(path) if path in project.files else ""
        for package in _PACKAGE.finditer(text):
            name = package[1].strip("'\"").rsplit("/", 1)[-1].removesuffix(".git").replace("-", "_")
            if name not in KNOWN_PACKAGES:
                yield path, text.count("\n", 0, package.start(1)) + 1
