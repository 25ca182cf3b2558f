"""What the runtime may be written in: MWAA has Python 3.11 up to Airflow 2.10.3, and nothing of ours installed."""

from __future__ import annotations

import ast
import sys

from dagbranch.adapters.runtime_modules import runtime_modules


def test_the_runtime_is_written_in_python_3_11() -> None:
    for path, source in runtime_modules().items():
        ast.parse(source, path, feature_version=(3, 11))


def test_the_runtime_imports_the_standard_library_airflow_and_itself() -> None:
    allowed = {*sys.stdlib_module_names, "airflow"}
    for path, source in runtime_modules().items():
        for module in _imported(ast.parse(source)):
            assert module.partition(".")[0] in allowed or module.startswith("dagbranch.runtime"), (path, module)


def _imported(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return found
