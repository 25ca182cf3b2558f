"""What can be told of DAG modules by reading them: which they are, what their stubs are called, what will not work."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping


def dag_modules(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The ``.py`` files whose text has the words that Airflow's safe mode looks for, in any of its versions.

    2.x wants ``airflow`` and ``dag``, 3.x takes ``asset`` for the latter. Which of them are loaded, the runtime
    decides with the server's own safe mode and ignore rules.
    """
    return tuple(path for path in sorted(files) if path.endswith(".py") and _may_hold_dags(files[path]))


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


def warnings_about(modules: tuple[str, ...], files: Mapping[str, bytes]) -> Iterator[str]:
    """What its author will want to know before Airflow says it, or because Airflow never will."""
    ids = defaultdict(list)
    for path in modules:
        tree = _parsed(files[path])
        if isinstance(tree, str):
            yield f"{path} is no Python that this version reads: {tree}"
            continue
        for dag_id in sorted(set(_literal_ids(tree))):
            ids[dag_id].append(path)
    for dag_id, paths in ids.items():
        if len(paths) > 1:
            yield f"the DAG id {dag_id!r} is given in {' and in '.join(paths)}: an environment shows an import error"
    for path in sorted(files):
        if path.endswith(".py") and b"dags_folder" in files[path].lower():
            yield (
                f"{path} asks for Airflow's dags_folder: that is the server's, which all environments share; "
                "the environment's own files are beside __file__"
            )


def _may_hold_dags(source: bytes) -> bool:
    text = source.lower()
    return b"airflow" in text and (b"dag" in text or b"asset" in text)


def _parsed(source: bytes) -> ast.Module | str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except SyntaxError as error:
            return f"line {error.lineno}: {error.msg}"
        except (ValueError, RecursionError, MemoryError) as error:
            return str(error) or type(error).__name__


def _literal_ids(tree: ast.Module) -> Iterator[str]:
    """Ids written out in ``DAG("…")`` and ``@dag("…")`` calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) in {"DAG", "dag"}:
            given = [keyword.value for keyword in node.keywords if keyword.arg == "dag_id"] or node.args[:1]
            for value in given:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
