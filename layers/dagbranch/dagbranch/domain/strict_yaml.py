"""YAML as plain values with the line of each: no aliases, no duplicate keys, no tags, bounded in size and depth.

A file of a pull request is untrusted: an alias multiplies, a tag constructs, a duplicate key hides another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from dagbranch.errors import InvalidPipelineFileError

LARGEST_BYTES: Final = 256 * 1024
_DEEPEST: Final = 20
_TAG: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null"))
_TIMESTAMP: Final = _TAG + "timestamp"

type Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong at one place of a file."""

    path: Path
    line: int
    text: str


@dataclass(frozen=True)
class Document:
    value: Any
    lines: Mapping[Path, int]

    def line_of(self, path: Path) -> int:
        """The line of the value at ``path``, or of the nearest that is there and holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


@dataclass
class _Reading:
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_strict_yaml(text: bytes, file: str) -> Document:
    """Raises InvalidPipelineFileError with every fault of the form: syntax, aliases, tags, duplicate keys, size."""
    if len(text) > LARGEST_BYTES:
        raise InvalidPipelineFileError(f"{file}: {len(text)} bytes, at most {LARGEST_BYTES} are allowed")
    try:
        decoded = text.decode("utf-8-sig")
        faults = _faults_of_form(decoded)
        node = None if faults else yaml.compose(decoded, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise InvalidPipelineFileError(f"{file}: byte {error.start} is no UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidPipelineFileError(f"{file}:{line}: no valid YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        line = decoded.count("\n", 0, error.position) + 1
        raise InvalidPipelineFileError(f"{file}:{line}: no valid YAML: {error.reason}") from error
    reading = _Reading(faults=faults)
    value = _value(node, (), reading) if node is not None else None
    if reading.faults:
        raise InvalidPipelineFileError(describe_faults(reading.faults, file))
    return Document(value, reading.lines)


def describe_faults(faults: Iterable[Fault], file: str) -> str:
    """One line for each: ``dagbranch.yaml:12: data.schemas.db_attribution.read[0]: …``."""
    ordered = sorted(faults, key=lambda fault: fault.line)
    return "\n".join(f"{file}:{fault.line}: {_dotted(fault.path)}{fault.text}" for fault in ordered)


def _dotted(path: Path) -> str:
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return f"{dotted}: " if dotted else ""


def _faults_of_form(text: str) -> list[Fault]:
    """Looks at the flat events, because composing would follow aliases and recurse as deep as the file says."""
    faults: list[Fault] = []
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = _line(event)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            return [*faults, Fault((), line, f"nested deeper than {_DEEPEST} levels")]
        if isinstance(event, yaml.AliasEvent):
            faults.append(Fault((), line, f"the alias *{event.anchor} is not allowed: write the value out"))
        elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            faults.append(Fault((), line, f"the anchor &{event.anchor} is not allowed"))
    return faults


def _line(part: yaml.Event | yaml.Node) -> int:
    return part.start_mark.line + 1 if part.start_mark else 1


def _value(node: yaml.Node, path: Path, reading: _Reading) -> Any:
    reading.lines.setdefault(path, _line(node))
    match node:
        case yaml.MappingNode() if node.tag == _TAG + "map":
            return _mapping(node, path, reading)
        case yaml.SequenceNode() if node.tag == _TAG + "seq":
            return [_value(item, (*path, index), reading) for index, item in enumerate(node.value)]
        case yaml.ScalarNode():
            return _scalar(node, path, reading)
    reading.faults.append(Fault(path, _line(node), f"the tag {node.tag} is not allowed"))
    return None


def _mapping(node: yaml.MappingNode, path: Path, reading: _Reading) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = _line(key_node)
        if not isinstance(key_node, yaml.ScalarNode):
            reading.faults.append(Fault(path, line, "a key is one word, not a list or a mapping"))
            continue
        # The text as it stands: YAML 1.1 would make `on` a boolean, and `on` is a fine name for a table.
        key = key_node.value
        here = (*path, key)
        if key in found:
            reading.faults.append(Fault(here, line, f"given twice, first on line {reading.lines[here]}"))
            continue
        reading.lines[here] = line
        found[key] = _value(value_node, here, reading)
    return found


def _scalar(node: yaml.ScalarNode, path: Path, reading: _Reading) -> str | int | float | bool | None:
    if node.tag == _TIMESTAMP:  # a date without quotes is the text that it looks like
        return str(node.value)
    if node.tag in _SCALARS:
        try:
            value = yaml.constructor.SafeConstructor().construct_object(node)
        except ValueError:
            value = math.nan
        if not isinstance(value, float) or math.isfinite(value):
            return value  # type: ignore[no-any-return] # the constructor is untyped; the tag says what it is
        text = "a number is finite and of a reasonable length"
    else:
        text = f"the tag {node.tag} is not allowed"
    reading.faults.append(Fault(path, _line(node), text))
    return None
