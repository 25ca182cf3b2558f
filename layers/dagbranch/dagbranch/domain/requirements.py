"""Reads a requirements file: exact pins with hashes, checked line by line before any resolver sees one of them.

What ``pip-compile --generate-hashes`` and ``uv pip compile --generate-hashes`` write is read; whatever would lead
a resolver elsewhere (options, addresses, paths, other files) is a fault with its line. All faults are told at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from dagbranch.domain.airflow_distributions import AIRFLOW_DISTRIBUTIONS
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.strict_yaml import Fault, describe_faults, read_strict_yaml
from dagbranch.errors import InvalidRequirementsError

LARGEST_BYTES: Final = 1_000_000
_COMMENT: Final = re.compile(r"(^|\s)#.*$")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
PROVIDER: Final = "apache-airflow-providers-"
_AIRFLOW: Final = re.compile(r"apache-airflow(-.*)?")
_ELSEWHERE: Final = re.compile(r"^[.~]|[/\\@]|\.(whl|zip|tar\.\w+|tgz)$")
# Where Airflow runs on MWAA. What is not known of it is empty, as in a marker's own comparison with nothing.
_PYTHONS: Final = ("3.11", "3.12")
_SERVER: Final[Mapping[str, str]] = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "sys_platform": "linux",
}


@dataclass(frozen=True)
class Requirement:
    """One package that travels. ``name`` is canonical, ``hashes`` are the SHA-256 of the files it may come as."""

    name: str
    version: str
    hashes: frozenset[str]
    file: str
    line: int
    extras: frozenset[str] = frozenset()

    @property
    def pin(self) -> str:
        """``name==version``"""
        return f"{self.name}=={self.version}"

    @property
    def where(self) -> str:
        """The pin with the place that its author can change: ``requirements.txt:3: name==version``."""
        return f"{self.file}:{self.line}: {self.pin}"


@dataclass(frozen=True)
class _Line:
    """A logical line: what stands before the first option, the options, and where it begins."""

    head: str
    options: tuple[str, ...]
    number: int


def required(files: Mapping[str, bytes], requirements_file: str | None) -> tuple[Requirement, ...]:
    """What travels with a repository's DAGs; nothing where ``dagbranch.yaml`` names no file."""
    if requirements_file is None:
        return ()
    if requirements_file not in files:
        line = read_strict_yaml(files[PIPELINE_FILE], PIPELINE_FILE).line_of(("requirements",))
        fault = Fault(("requirements",), line, f"there is no file {requirements_file} at this commit")
        raise InvalidRequirementsError(describe_faults([fault], PIPELINE_FILE))
    return parse_requirements(files[requirements_file], requirements_file)


def parse_requirements(text: bytes, file: str) -> tuple[Requirement, ...]:
    """By name, without those whose marker holds on no server. Raises InvalidRequirementsError with every fault."""
    if len(text) > LARGEST_BYTES:
        raise InvalidRequirementsError(f"{file}: {len(text)} bytes, at most {LARGEST_BYTES} are allowed")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequirementsError(f"{file}: byte {error.start} is no UTF-8") from error
    found: dict[str, Requirement] = {}
    faults: list[Fault] = []
    for line in _logical_lines(decoded):
        try:
            requirement = _requirement(line, file)
        except ValueError as error:
            faults.append(Fault((), line.number, str(error)))
            continue
        if requirement is None:
            continue
        if requirement.name in found:
            first = found[requirement.name]
            faults.append(
                Fault((), line.number, f"{requirement.pin}: {first.pin} is on line {first.line} already, both travel")
            )
        found.setdefault(requirement.name, requirement)
    if faults:
        raise InvalidRequirementsError(describe_faults(faults, file))
    return tuple(found[name] for name in sorted(found))


def _logical_lines(text: str) -> Iterator[_Line]:
    """Joins what ends in a backslash with what follows, as pip does; comments and empty lines are left out."""
    joined, start = "", 0
    for number, physical in enumerate(text.splitlines(), start=1):
        start = start or number
        stripped = _COMMENT.sub("", physical)
        joined += stripped.removesuffix("\\")
        if stripped.endswith("\\"):
            continue
        yield from _line(joined, start)
        joined, start = "", 0
    yield from _line(joined, start)


def _line(joined: str, number: int) -> Iterator[_Line]:
    head, *options = re.split(r"(?:^|\s)(?=-)", joined.strip())
    if joined.strip():
        yield _Line(head.strip(), tuple(option.strip() for option in options), number)


def _requirement(line: _Line, file: str) -> Requirement | None:
    """Raises ValueError that says what is wrong; None for what is not for our servers."""
    if not line.head:
        raise ValueError(f"the option {line.options[0].split('=')[0].split()[0]} is not allowed: only pins with hashes")
    parsed = _parsed(line.head)
    hashes = frozenset(_hashes(line, parsed.name))
    version = _pinned_version(parsed)
    name = canonicalize_name(parsed.name)
    if parsed.marker is not None and not holds(parsed.marker):
        return None
    _refuse_airflows_own(name)
    return Requirement(name, version, hashes, file, line.number, frozenset(map(canonicalize_name, parsed.extras)))


def _parsed(head: str) -> Parsed:
    if _ELSEWHERE.search(head.partition(";")[0].strip()):
        # It is not shown: an address may hold a password.
        raise ValueError(f"an address or a path is not allowed: {_EXPECTED}")
    try:
        return Parsed(head)
    except InvalidRequirement as error:
        raise ValueError(f"{head[:150]}: no requirement: {_EXPECTED}") from error


_EXPECTED: Final = "expected name==version --hash=sha256:…"


def _hashes(line: _Line, name: str) -> Iterator[str]:
    if not line.options:
        raise ValueError(f"{name}: without a hash: {_EXPECTED} (pip-compile and uv write it with --generate-hashes)")
    for option in line.options:
        if not (found := _HASH.fullmatch(option)):
            what = "no SHA-256 in hexadecimal" if option.startswith("--hash") else "not allowed"
            raise ValueError(f"{name}: {option[:90]} is {what}: {_EXPECTED}")
        yield found[1]


def _pinned_version(parsed: Parsed) -> str:
    specifiers = list(parsed.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or specifiers[0].version.endswith(".*"):
        raise ValueError(f"{parsed.name}{_shown(parsed.specifier)}: not pinned to one version: {_EXPECTED}")
    return specifiers[0].version


def _shown(specifier: SpecifierSet) -> str:
    return str(specifier) or " without a version"


def holds(marker: Marker, extras: Collection[str] = ()) -> bool:
    """On any of the servers' versions of Python: what travels is the same for all of them.

    Raises ValueError for a marker that compares what cannot be compared.
    """
    try:
        return any(
            marker.evaluate({**_SERVER, "python_version": python, "python_full_version": f"{python}.0", "extra": extra})
            for python in _PYTHONS
            for extra in ("", *extras)
        )
    except (UndefinedComparison, UndefinedEnvironmentName) as error:
        raise ValueError(f"the marker {marker} cannot be evaluated: {error}") from error


def _refuse_airflows_own(name: str) -> None:
    if name.startswith(PROVIDER):
        raise ValueError(f"{name}: a provider is a part of the package airflow, and has to be installed on the server")
    if _AIRFLOW.fullmatch(name) or name in AIRFLOW_DISTRIBUTIONS:
        raise ValueError(f"{name}: Airflow itself uses it, so the server's own version is what DAGs get: drop the line")
