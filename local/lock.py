"""``python -m local.lock``: resolves every requirement file anew, with hashes and without addresses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from local.toolchain import PYTHON_VERSION, ROOT

# In this order: later ones are constrained by earlier ones.
_FIRST = [ROOT / f"layers/{layer}/requirements.in" for layer in ("dagbranch", "databricks", "resolver")]


def main() -> None:
    for source in [*_FIRST, *sorted((ROOT / "local/requirements").glob("*.in"))]:
        print(source.relative_to(ROOT))
        _compile(source)


def _compile(source: Path) -> None:
    """A line ``# exclude-newer: DATE`` in the file holds the resolution to what there was on that day.

    One that says ``from Python 3.11 on`` makes it one for several Pythons, ``with --no-deps`` one without dependencies.
    """
    day = re.search(r"exclude-newer[ :=]+(\d{4}-\d{2}-\d{2})", source.read_text())
    oldest = re.search(r"from Python (\d\.\d+) on", source.read_text())
    target = (
        ("--universal", "--python-version", oldest[1])
        if oldest
        else ("--python-version", PYTHON_VERSION, "--python-platform", "x86_64-manylinux_2_28")
    )
    subprocess.run(
        [
            Path(sys.prefix) / "bin" / "uv",
            *("pip", "compile", "--quiet", "--generate-hashes", "--no-header"),
            *target,
            *(("--exclude-newer", day[1]) if day else ()),
            *(("--no-deps",) if "with --no-deps" in source.read_text() else ()),
            *(source.name, "--output-file", source.with_suffix(".txt").name),
        ],
        cwd=source.parent,
        check=True,
    )


if __name__ == "__main__":
    main()
