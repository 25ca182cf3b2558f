"""Calls that read files, folders or modules by a path or a name: what of the repository each may reach."""

from __future__ import annotations

import ast
import re
from typing import Final

from dagbranch.domain.path_expressions import ANYTHING, PathReader, joined
from dagbranch.domain.reading import Import, Reading, says_nothing
from dagbranch.domain.syntax import base_of, first_argument, listed

_GLOBS: Final = frozenset({"glob", "iglob", "rglob"})
_WALKS: Final = _GLOBS | {"listdir", "scandir", "walk", "fwalk", "iterdir", "iter_modules", "walk_packages", "copytree"}
_PACKAGE_WALKS: Final = frozenset({"contents", "as_file"})
_DAG_FOLDERS: Final = frozenset({"load_yaml_dags", "DagBag"})
_OPENS: Final = frozenset({"open", "read_text", "read_bytes", "get_template", "FileIO"})
_PACKAGE_OPENS: Final = frozenset({"get_data", "read_text", "open_text", "open_binary", "read_binary"})
_IMPORTS: Final = frozenset({"import_module", "__import__", "import_string", "run_module", "find_spec"})
_FILE_IMPORTS: Final = {"spec_from_file_location": 1, "SourceFileLoader": 1, "run_path": 0}
_EXECUTES: Final = frozenset({"exec", "eval"})
_SEARCH_PATH: Final = frozenset({"insert", "append", "extend", "addsitedir"})
READING_CALLS: Final = frozenset().union(
    *(_WALKS, _PACKAGE_WALKS, _DAG_FOLDERS, _OPENS, _PACKAGE_OPENS, _IMPORTS, _FILE_IMPORTS, _EXECUTES)
)
_FOLDER_MODULES: Final = frozenset({"os", "glob", "pkgutil", "shutil", "importlib.resources", "importlib_resources"})
_OPENING_MODULES: Final = frozenset({"io", "codecs", "gzip", "bz2", "lzma", "tarfile", "zipfile"})
_ANY_MODULE: Final = "*.py"


def note_access(call: ast.Call, name: str, paths: PathReader, reading: Reading) -> None:
    """``name``: the last name of what is called."""
    if name in _SEARCH_PATH:
        _note_entries(call, name, paths, reading)
    elif name not in READING_CALLS:
        return
    elif name in _OPENS or (name in _PACKAGE_OPENS and len(call.args) > 1):
        _note_opened(call, name, paths, reading)
    elif name in _IMPORTS:
        _note_imported(call, paths, reading)
    elif name in _FILE_IMPORTS:
        reading.note_path(_argument(call, _FILE_IMPORTS[name], paths), otherwise=_ANY_MODULE)
    elif name in _EXECUTES:
        if isinstance(call.func, ast.Name) and not isinstance(first_argument(call), ast.Constant):
            reading.patterns.add(ANYTHING)
    elif name in _GLOBS:
        _note_glob(call, name, paths, reading)
    else:
        _note_walk(call, name, paths, reading)


def note_search_path(node: ast.Assign | ast.AugAssign, paths: PathReader, reading: Reading) -> None:
    """``sys.path += […]``, ``sys.path[:0] = […]``."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if any(_is_search_path(one.value if isinstance(one, ast.Subscript) else one, paths) for one in targets):
        reading.entries.update(map(paths.pattern, listed(node.value)))


def _note_entries(call: ast.Call, name: str, paths: PathReader, reading: Reading) -> None:
    if name == "addsitedir" or _is_search_path(base_of(call), paths):
        reading.entries.update(map(paths.pattern, listed(call.args[-1] if call.args else None)))


def _is_search_path(node: ast.expr | None, paths: PathReader) -> bool:
    return paths.dotted(node) == "sys.path"


def _note_walk(call: ast.Call, name: str, paths: PathReader, reading: Reading) -> None:
    base, first = base_of(call), first_argument(call)
    if name in _DAG_FOLDERS:
        named = (one.value for one in call.keywords if one.arg in {"dags_folder", "dag_folder"})
        own = first if name == "DagBag" else None
        reading.note_path(paths.pattern(next(named, own)), below=True)
    elif base is None or paths.dotted(base) in _FOLDER_MODULES:
        find = paths.package_folder if name == "contents" else paths.pattern
        for folder in map(find, listed(first)) if first else [ANYTHING]:
            reading.note_path(folder, below=True)
    elif name in {"iterdir", "walk"} and paths.dotted(base) != "ast":
        reading.note_path(paths.pattern(base), below=True)


def _note_glob(call: ast.Call, name: str, paths: PathReader, reading: Reading) -> None:
    """What the pattern of a glob leaves of the folder."""
    base = base_of(call)
    own = None if base is None or paths.dotted(base) in _FOLDER_MODULES else base
    root = next((one.value for one in call.keywords if one.arg == "root_dir"), own)
    wanted = re.sub(r"\?|\[[^\]]*\]", ANYTHING, _argument(call, 0, paths))
    folder = [] if root is None else [paths.pattern(root)]
    reading.note_path(joined([*folder, *([ANYTHING] if name == "rglob" else []), wanted]))


def _note_opened(call: ast.Call, name: str, paths: PathReader, reading: Reading) -> None:
    if name in _PACKAGE_OPENS and len(call.args) > 1:
        reading.note_path(joined([paths.package_folder(call.args[0]), paths.pattern(call.args[1])]))
        return
    base = base_of(call)
    is_function = base is None or name == "get_template" or paths.dotted(base) in _OPENING_MODULES
    if name == "open" and _writes(call, 1 if is_function else 0, paths):
        return
    path = paths.pattern(first_argument(call) if is_function else base)
    if says_nothing(path):
        reading.opens_untold = True
    else:
        reading.note_path(path)


def _writes(call: ast.Call, position: int, paths: PathReader) -> bool:
    modes = [*call.args[position:][:1], *(one.value for one in call.keywords if one.arg == "mode")]
    return any(paths.pattern(mode)[:1] in {"w", "a", "x"} for mode in modes)


def _note_imported(call: ast.Call, paths: PathReader, reading: Reading) -> None:
    name = _argument(call, 0, paths).replace(":", ".")
    if ANYTHING in name:
        path = paths.imported_path(name)
        reading.patterns.add(f"{path}.py" if path.endswith(ANYTHING) else f"{path}*.py")
        return
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    package = _argument(call, 1, paths)
    if level == 1 and ANYTHING not in package:
        reading.imports.add(Import(0, f"{package}{name}"))
    # What is named may be something in a module: `import_string("qu.common.notify")`.
    above, _, last = bare.rpartition(".")
    reading.imports |= {Import(level, bare), *([Import(level, above, (last,))] if above else [])}


def _argument(call: ast.Call, position: int, paths: PathReader) -> str:
    return paths.pattern(call.args[position]) if len(call.args) > position else ANYTHING
