"""The stubs: one module at the zip's root per DAG module: Airflow looks nowhere else, and tells errors by file."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from typing import Final

_STUB: Final = '''\
"""Made by dagbranch: through this file Airflow reads the DAGs of {module}."""

import importlib
import os
import sys

zip_path = os.path.dirname(__file__)
runtime = sys.modules.get("_dagbranch.load")
if runtime is None or not runtime.serves(zip_path):
    others = [name for name in sys.modules if name.partition(".")[0] == "_dagbranch"]
    for name in others:
        del sys.modules[name]
    if others:
        importlib.invalidate_caches()
    runtime = importlib.import_module("_dagbranch.start").runtime_of(zip_path)
runtime.export(zip_path, {module}, globals())
'''


def stub_names(modules: tuple[str, ...]) -> dict[str, str]:
    """By source path, the root module of the zip through which Airflow reads it: ``dag__qu__main__test_dag.py``."""
    readable = {path: "dag__" + re.sub(r"[^A-Za-z0-9_]", "_", path[:-3].replace("/", "__")) for path in modules}
    taken = defaultdict(list)
    for path, name in readable.items():
        taken[name].append(path)
    return {
        path: f"{name}.py" if len(taken[name]) == 1 else f"{name}__{hashlib.sha256(path.encode()).hexdigest()[:8]}.py"
        for path, name in readable.items()
    }


def stub_source(module: str) -> bytes:
    """Its text has both words that Airflow's safe mode wants of a root module."""
    return _STUB.replace("{module}", ascii(module)).encode()
