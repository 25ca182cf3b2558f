"""Which path an expression in the source text stands for, as a pattern: what only running it would tell is ``*``.

``@`` at the beginning is the folder of the module itself (``Path(__file__).parent``), known wherever the module lies.
Any other pattern is known by its end alone: ``sql/rows.sql`` may be below any folder.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Final

from dagbranch.domain.syntax import called

ANYTHING: Final = "*"
OWN_FOLDER: Final = "@"
_OWN_FILE: Final = "@/__file__"
_LONGEST: Final = 1_000  # a path has at most 4,096 bytes; texts that are added up can have any number
_PERCENT: Final = re.compile(r"%(?:\(\w+\))?[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
# Enough of a pattern is written out to mean files of the repository.
_TELLING: Final = re.compile(r"\w{2}.*\.\w{1,10}\Z|\.\w{2,10}\Z|(?:\A|/)\w{2,}/", re.DOTALL)
_LONGEST_TELLING: Final = 400
_BRACES: Final = re.compile(r"\{[^{}]*\}")
_SAME_PATH: Final = frozenset({"abspath", "realpath", "normpath", "expanduser", "expandvars", "fspath", "str"})
_PATHS: Final = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath"})
_SAME_METHOD: Final = frozenset({"resolve", "absolute", "expanduser", "as_posix", "strip", "lower", "__str__"})


class PathReader:
    """Reads the expressions of one module.

    ``constants``: the names that are bound once in it; ``aliases``: its imports, each with the dotted name that it
    stands for.
    """

    def __init__(self, constants: Mapping[str, ast.expr], aliases: Mapping[str, str]) -> None:
        self._constants = constants
        self._aliases = aliases
        self._known: dict[str, str] = {}

    def pattern(self, node: ast.expr | None) -> str:
        found = self._pattern(node)
        return found if len(found) <= _LONGEST else ANYTHING

    def _pattern(self, node: ast.expr | None) -> str:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self._name(name)
            case ast.JoinedStr(values=values):
                return "".join(map(self.pattern, values))
            case ast.BinOp():
                return self._operation(node)
            case ast.Call():
                return self._call(node)
        return self._part(node)

    def _name(self, name: str) -> str:
        if name in self._constants:
            return self._constant(name)
        return {"__file__": _OWN_FILE, "__path__": OWN_FOLDER}.get(name, ANYTHING)

    def _operation(self, node: ast.BinOp) -> str:
        left = self.pattern(node.left)
        match node.op:
            case ast.Add():
                return left + self.pattern(node.right)
            case ast.Div():
                return joined([left, self.pattern(node.right)])
            case ast.Mod():
                return _PERCENT.sub(ANYTHING, left)
        return ANYTHING

    def _part(self, node: ast.expr | None) -> str:
        match node:
            case ast.FormattedValue(value=value):
                return self.pattern(value)
            case ast.Attribute(value=base, attr="parent"):
                return parent_of(self.pattern(base))
            case ast.Attribute(value=base, attr="__path__"):
                return self.package_folder(base)
            case ast.Subscript(value=ast.Attribute(value=base, attr="parents"), slice=ast.Constant(value=int(above))):
                return self._ancestor(base, above + 1)
        return ANYTHING

    def _constant(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = ANYTHING  # where it is made of itself
            self._known[name] = self.pattern(self._constants[name])
        return self._known[name]

    def package_folder(self, node: ast.expr | None) -> str:
        """The folder of a package that is given by name, or as what was imported."""
        match node:
            case ast.Constant(value=str(name)):
                return name.replace(".", "/")
            case ast.Name(id="__package__" | "__name__" | "__spec__"):
                return OWN_FOLDER
        name = self.dotted(node)
        return self.imported_path(name) if name else ANYTHING

    def dotted(self, node: ast.expr | None) -> str:
        """The dotted name of what was imported: ``qu.jobs`` of ``jobs`` after ``from qu import jobs``; else empty."""
        match node:
            case ast.Name(id=name):
                return self._aliases.get(name, "")
            case ast.Attribute(value=base, attr=attribute):
                above = self.dotted(base)
                return f"{above}.{attribute}" if above else ""
        return ""

    @staticmethod
    def imported_path(dotted: str) -> str:
        """``qu/jobs`` of ``qu.jobs``, ``@/jobs`` of ``.jobs``, ``@/../jobs`` of ``..jobs``."""
        name = dotted.lstrip(".")
        level = len(dotted) - len(name)
        path = name.replace(".", "/")
        return path if not level else "/".join([OWN_FOLDER, *[".."] * (level - 1), *([path] if path else [])])

    def _ancestor(self, base: ast.expr, count: int) -> str:
        path = self.pattern(base)
        for _ in range(min(count, 50)):
            path = parent_of(path)
        return path

    def _call(self, call: ast.Call) -> str:
        name = called(call.func)
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        first = call.args[0] if call.args else None
        if name in _PATHS or (name == "join" and not isinstance(base, ast.Constant)):
            return joined(self.pattern(one) for one in call.args) or ANYTHING
        if name == "dirname":
            return parent_of(self.pattern(first))
        if name in _SAME_PATH and first is not None:
            return self.pattern(first)
        if name == "files":
            return self.package_folder(first)
        return ANYTHING if base is None else self._method(name, base, call.args)

    def _method(self, name: str, base: ast.expr, arguments: list[ast.expr]) -> str:
        if name in _SAME_METHOD:
            return self.pattern(base)
        if name == "format":
            return _BRACES.sub(ANYTHING, self.pattern(base))
        if name == "joinpath":
            return joined(self.pattern(one) for one in [base, *arguments])
        if name == "with_name" and arguments:
            return joined([parent_of(self.pattern(base)), self.pattern(arguments[0])])
        if name == "with_suffix" and arguments:
            folder, slash, last = self.pattern(base).rpartition("/")
            stem = ANYTHING if last in {"__file__", ANYTHING} else last.rpartition(".")[0] or last
            return f"{folder}{slash}{stem}{self.pattern(arguments[0])}"
        return ANYTHING


def joined(parts: Iterable[str]) -> str:
    """As ``os.path.join`` does it: what is absolute makes what came before it void."""
    result = ""
    for part in parts:
        absolute = part == OWN_FOLDER or part.startswith(("/", f"{OWN_FOLDER}/"))
        result = part if absolute or not result else f"{result.rstrip('/')}/{part}"
    return result


def parent_of(path: str) -> str:
    folder, slash, last = path.rstrip("/").rpartition("/")
    if last in {OWN_FOLDER, ".."}:
        return f"{path}/.."
    if ANYTHING in last:  # which may hold slashes
        return f"{folder}{slash}{ANYTHING}"
    return folder or ANYTHING


def is_placed(pattern: str) -> bool:
    """Whether the pattern says from which folder on it is meant."""
    return pattern == OWN_FOLDER or pattern.startswith(f"{OWN_FOLDER}/")


def is_telling(pattern: str) -> bool:
    """Whether a text that is put together has enough of a path, wherever it is used: ``sql/*.sql``, not ``*.*``."""
    return len(pattern) <= _LONGEST_TELLING and _TELLING.search(pattern) is not None


def placed(pattern: str, folder: str) -> str:
    """The pattern as it is meant in a module of this folder; one that begins with ``/`` is meant from the root on.

    What leads out of the root comes back, if at all, by a name of the root that only the author's machine knows.
    """
    from_root = is_placed(pattern)
    parts: list[str] = []
    for part in (f"{folder}/{pattern[2:]}" if from_root else pattern).split("/"):
        if part in {"", "."}:
            continue
        if part != "..":
            parts.append(part)
        elif not parts:
            from_root = False
        elif ANYTHING in parts[-1]:
            parts[-1] = ANYTHING
        else:
            parts.pop()
    return ("/" if from_root else "") + "/".join(parts)


def matches(pattern: str, text: str) -> bool:
    """Whether the text is what the pattern says, ``*`` being any text: in a time that no pattern can stretch."""
    beginning, *middle = pattern.split(ANYTHING)
    if not middle:
        return text == pattern
    end = middle.pop()
    position, last = len(beginning), len(text) - len(end)
    if position > last or not (text.startswith(beginning) and text.endswith(end)):
        return False
    for part in middle:
        found = text.find(part, position, last)
        if found < 0:
            return False
        position = found + len(part)
    return True


def path_matches(placed_pattern: str, path: str) -> bool:
    """Whether the pattern, as ``placed`` has it, means this path of the root. Between slashes, ``*`` may be nothing."""
    pattern = placed_pattern if placed_pattern.startswith("/") else f"*/{placed_pattern}"
    return matches(pattern.replace("/*/", "*/"), f"/{path}")
