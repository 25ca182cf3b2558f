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
    """A line ``# exclude-newer: DATE`` in the file holds the resolution to what there was on that day."""
    day = re.search(r"exclude-newer[ :=]+(\d{4}-\d{2}-\d{2})", source.read_text())
    subprocess.run(
        [
            Path(sys.prefix) / "bin" / "uv",
            *("pip", "compile", "--quiet", "--generate-hashes", "--no-header"),
            *("--python-version", PYTHON_VERSION, "--python-platform", "x86_64-manylinux_2_28"),
            *(("--exclude-newer", day[1]) if day else ()),
            *(source.name, "--output-file", source.with_suffix(".txt").name),
        ],
        cwd=source.parent,
        check=True,
    )


if __name__ == "__main__":
    main()
