"""Wheels in a source archive: which belong to which requirement, and what of them is packaged.

An archive may come from anyone who may upload: each wheel is held against the hashes of the requirements file.
A wheel is a zip; nothing of it is built, run or installed, its files are only taken out.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags
from packaging.utils import BuildTag, InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from dagbranch.domain.dependencies import warnings_about_dependencies
from dagbranch.domain.naming import CONFIGURATION_FOLDER
from dagbranch.domain.requirements import Requirement
from dagbranch.domain.source_archive import Limits, check_path, check_sizes
from dagbranch.errors import InvalidPipelineError, InvalidRequirementsError, UnsafeArchiveError

WHEELS: Final = f"{CONFIGURATION_FOLDER}/wheels/"
VENDORED: Final = ".requirements/"
NEWEST_PYTHON: Final = (3, 12)
_PURE: Final[frozenset[Tag]] = frozenset(
    tag for tag in compatible_tags(NEWEST_PYTHON, None, ["any"]) if tag.interpreter.startswith("py")
)
_NATIVE: Final = frozenset({".so", ".pyd", ".dll", ".dylib"})
_OURS: Final = frozenset({"airflow", "dagbranch_env", "_dagbranch"})
_LIBRARIES: Final = frozenset({"purelib", "platlib"})
_COMPRESSIONS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_LINK: Final = 0o120000
_FILE_TYPE: Final = 0o170000
_ENCRYPTED: Final = 0x1


@dataclass(frozen=True)
class Wheel:
    """A wheel by its file name, which says what it is of and for."""

    file: str
    name: str
    version: Version
    build: BuildTag
    tags: frozenset[Tag]

    @property
    def is_pure(self) -> bool:
        """Whether it is for any platform, and for the servers' Python."""
        return not self.tags.isdisjoint(_PURE)

    def is_of(self, requirement: Requirement) -> bool:
        return self.name == requirement.name and SpecifierSet(f"=={requirement.version}").contains(
            self.version, prereleases=True
        )


def parse_wheel(file: str) -> Wheel:
    """Raises InvalidRequirementsError for a name that no wheel has."""
    try:
        name, version, build, tags = parse_wheel_filename(file)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise InvalidRequirementsError(f"{file} is no name of a wheel: {error}") from error
    return Wheel(file, canonicalize_name(name), version, build, tags)


def with_wheels(files: Mapping[str, bytes], wheels: Mapping[str, bytes], limits: Limits) -> dict[str, bytes]:
    """A repository's files with its wheels, as the source archive has them; ``wheels`` by file name."""
    reserved = sorted(path for path in files if path.startswith(f"{CONFIGURATION_FOLDER}/"))
    if reserved:
        raise InvalidPipelineError(f"{reserved[0]}: {CONFIGURATION_FOLDER}/ is where dagbranch puts its own")
    joined = {**files, **{f"{WHEELS}{file}": content for file, content in wheels.items()}}
    check_sizes({path: len(content) for path, content in joined.items()}, limits)
    return joined


def without_wheels(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if not path.startswith(WHEELS)}


def wheels_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """A source archive's wheels by file name."""
    return {path.removeprefix(WHEELS): content for path, content in files.items() if path.startswith(WHEELS)}


def chosen_wheels(requirements: Sequence[Requirement], offered: Mapping[str, bytes]) -> dict[str, bytes]:
    """Of what is offered, by file name, the wheel of each requirement that has one.

    Where a release has several pure wheels that the hashes allow, it is always the same that is taken.
    """
    chosen = {}
    for requirement in requirements:
        fitting = [wheel for wheel in map(parse_wheel, sorted(offered)) if _fault(requirement, wheel, offered) is None]
        if fitting:
            best = max(fitting, key=lambda wheel: (wheel.build, wheel.file))
            chosen[best.file] = offered[best.file]
    return chosen


def check_wheels(requirements: Sequence[Requirement], wheels: Mapping[str, bytes]) -> None:
    """Raises InvalidRequirementsError, with all that it found, unless there is just one right wheel for each."""
    parsed = [parse_wheel(file) for file in sorted(wheels)]
    faults = []
    for requirement in requirements:
        own = [wheel for wheel in parsed if wheel.name == requirement.name]
        if len(own) != 1:
            found = " and ".join(wheel.file for wheel in own) or "there is none"
            faults.append(f"{requirement.where}: expected one wheel, found: {found}")
        faults += [fault for wheel in own if (fault := _fault(requirement, wheel, wheels))]
    named = {requirement.name for requirement in requirements}
    faults += [f"{wheel.file}: no requirement names it" for wheel in parsed if wheel.name not in named]
    if faults:
        raise InvalidRequirementsError("\n".join(faults))


@dataclass(frozen=True)
class Vendored:
    """What wheels were taken apart to: ``files`` by their path below ``.requirements/``."""

    files: Mapping[str, bytes]
    warnings: tuple[str, ...]


NOTHING_VENDORED: Final = Vendored({}, ())


def unpack_wheels(requirements: Sequence[Requirement], files: Mapping[str, bytes], limits: Limits) -> Vendored:
    """The files of a source archive's wheels, and what its author will want to know of them.

    Raises InvalidRequirementsError for wheels that are not the required ones or hold what cannot travel, and
    UnsafeArchiveError where they are larger, unpacked and with the archive's other files, than the limits allow.
    """
    wheels = wheels_of(files)
    check_wheels(requirements, wheels)
    sizes = {path: len(content) for path, content in without_wheels(files).items()}
    unpacked: dict[str, bytes] = {}
    owners: dict[str, str] = {}
    for file in sorted(wheels):
        with _opened(file, wheels[file]) as archive:
            entries = dict(_entries(archive, file))
            sizes |= {VENDORED + path: entry.file_size for path, entry in entries.items()}
            check_sizes(sizes, limits)
            for path, entry in entries.items():
                content = _content(archive, entry, file)
                if unpacked.setdefault(path, content) != content:
                    raise InvalidRequirementsError(f"{path} is in {owners[path]} and, different, in {file}")
                owners.setdefault(path, file)
    _refuse_files_that_are_folders(owners)
    return Vendored(unpacked, tuple(warnings_about_dependencies(requirements, unpacked)))


def _fault(requirement: Requirement, wheel: Wheel, contents: Mapping[str, bytes]) -> str | None:
    if not wheel.is_of(requirement):
        return f"{wheel.file} is not {requirement.pin}"
    if not wheel.is_pure:
        return f"{wheel.file} is compiled or for another Python: only pure wheels (py3-none-any) travel"
    if hashlib.sha256(contents[wheel.file]).hexdigest() not in requirement.hashes:
        return f"{wheel.file} has none of the hashes of {requirement.pin}"
    return None


def _opened(file: str, content: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
        raise InvalidRequirementsError(f"{file} is no readable zip: {error}") from error


def _entries(archive: zipfile.ZipFile, file: str) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """Each file of the wheel by the path at which it is imported."""
    seen = set()
    for entry in archive.infolist():
        if entry.is_dir() or "__pycache__" in entry.filename.split("/"):
            continue
        _check_entry(entry, file)
        path = _installed_path(entry.filename, file)
        if path in seen:
            raise InvalidRequirementsError(f"{file} holds {path} twice")
        seen.add(path)
        yield path, entry


def _check_entry(entry: zipfile.ZipInfo, file: str) -> None:
    try:
        check_path(entry.filename)
    except UnsafeArchiveError as error:
        raise UnsafeArchiveError(f"{file}: {error}") from error
    if (entry.external_attr >> 16) & _FILE_TYPE == _LINK:
        raise UnsafeArchiveError(f"{file}: {entry.filename} is a link")
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _COMPRESSIONS:
        raise UnsafeArchiveError(f"{file}: {entry.filename} is encrypted, or compressed in a way that wheels are not")


def _installed_path(path: str, file: str) -> str:
    """``x.data/purelib/`` is the root of the packages; what would go elsewhere on a machine cannot travel."""
    top, _, rest = path.partition("/")
    if top.endswith(".data") and rest:
        kind, _, below = rest.partition("/")
        if kind not in _LIBRARIES or not below:
            raise InvalidRequirementsError(f"{file} holds {path}: only what is imported can travel, no {kind}")
        return _installed_path(below, file)
    suffixes = set(PurePosixPath(path).suffixes)
    if suffixes & _NATIVE:
        raise InvalidRequirementsError(f"{file} holds {path}: compiled code cannot travel, the wheel is not pure")
    if not rest and path.endswith(".pth"):
        raise InvalidRequirementsError(f"{file} holds {path}: .pth files change the whole server, and are not obeyed")
    module = top if rest else top.removesuffix(".py")
    if module in _OURS:
        raise InvalidRequirementsError(f"{file} holds {path}: it would stand before the server's own {module}")
    if module in sys.stdlib_module_names:
        raise InvalidRequirementsError(f"{file} holds {path}: it would stand before Python's own {module}")
    return path


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: str) -> bytes:
    """At most as many bytes as were declared, which the limits were applied to."""
    try:
        with archive.open(entry) as opened:
            return opened.read(entry.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise InvalidRequirementsError(f"{file}: {entry.filename} cannot be read: {error}") from error


def _refuse_files_that_are_folders(owners: Mapping[str, str]) -> None:
    """A path that one wheel has as a file and another as a folder fits into a zip, but on no disk."""
    for path, file in owners.items():
        for parent in PurePosixPath(path).parents:
            if (other := owners.get(parent.as_posix())) is not None:
                raise InvalidRequirementsError(f"{parent} is a file in {other} and a folder in {file}")
