"""YAML of other tools' files, as they allow it (aliases, merges), within bounds and without ever making an object."""

from __future__ import annotations

from typing import Any, Final

import yaml

_LARGEST_BYTES: Final = 1024 * 1024
_DEEPEST: Final = 50
_MOST_VALUES: Final = 200_000
# The one written in C is ten times as fast, and not in every build of PyYAML.
_Loader: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BrokenYamlError(Exception):
    """``line`` is where it broke, or 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"no readable YAML: line {line}")
        self.line = line


def read_foreign_yaml(content: bytes) -> Any:
    """The first document's plain values. Raises BrokenYamlError."""
    if len(content) > _LARGEST_BYTES:
        raise BrokenYamlError(1)
    try:
        text = content.decode("utf-8-sig")
        _check_bounds(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 -- the safe loader, in C
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BrokenYamlError(min(line, text.count("\n") + 1)) from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BrokenYamlError(1) from error


def _check_bounds(text: str) -> None:
    """Counts the values as aliases and merges multiply them, from the flat events: loading would build them."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, Loader=_Loader):
        match event:
            case yaml.CollectionStartEvent():
                open_nodes.append((event.anchor, 1))
            case yaml.CollectionEndEvent():
                anchor, size = open_nodes.pop()
                _count(open_nodes, sizes, anchor, size)
            case yaml.ScalarEvent():
                _count(open_nodes, sizes, event.anchor, 1)
            case yaml.AliasEvent():
                _count(open_nodes, sizes, None, sizes.get(event.anchor or "", _MOST_VALUES))
        if len(open_nodes) > _DEEPEST or open_nodes[-1][1] > _MOST_VALUES:
            raise BrokenYamlError(event.start_mark.line + 1 if event.start_mark else 1)


def _count(open_nodes: list[tuple[str | None, int]], sizes: dict[str, int], anchor: str | None, size: int) -> None:
    """Adds a finished node to the one that holds it; an alias to a node that is still open has no size: a loop."""
    outer, before = open_nodes[-1]
    open_nodes[-1] = (outer, before + size)
    if anchor is not None:
        sizes[anchor] = size
