from __future__ import annotations

from pathlib import Path

import dagbranch.runtime
from dagbranch.adapters.runtime_modules import runtime_modules


def test_the_runtime_is_every_source_of_its_package_and_nothing_else() -> None:
    folder = Path(dagbranch.runtime.__file__).parent
    sources = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.py*")}

    assert runtime_modules() == {path: content for path, content in sources.items() if not path.endswith(".pyc")}
    assert "load.py" in runtime_modules()
