"""The wheels of a repository's requirements, from a package index: pip, in a process that holds no credential.

pip gets checked pins with hashes and an address, no line of the repository's own. It downloads wheels that are for
every platform; it builds nothing, resolves nothing, and reads no configuration of the machine.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dagbranch.adapters.pip_log import FailedRun, why_it_failed
from dagbranch.domain.requirements import Requirement
from dagbranch.domain.source_archive import Limits, check_sizes
from dagbranch.domain.wheels import NEWEST_PYTHON, check_wheels, chosen_wheels, parse_wheel
from dagbranch.errors import (
    ConfigurationError,
    DagbranchError,
    InvalidRequirementsError,
    TransientUpstreamError,
    UpstreamError,
)

DEFAULT_INDEX: Final = "default"
_SECONDS: Final = 60.0
_CACHE_BYTES: Final = 150_000_000  # of Lambda's 512 MB in /tmp, where a download lies beside it
# A file beyond the limit ends in an error of pip's own while it is written. A compiled module of pip's would be cut off
# without one, and break every later run: none is larger than 10 MB.
_LIMITED: Final = """\
import resource, runpy, sys
most_bytes, pip = int(sys.argv[1]), sys.argv[2]
sys.dont_write_bytecode |= most_bytes < 10_000_000
resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
sys.argv[:3] = [pip]
runpy.run_path(pip, run_name="__main__")
"""
_OPTIONS: Final = (
    *("--isolated", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--keyring-provider", "disabled"),
    *("--retries", "2", "--timeout", "10"),
    *("download", "--progress-bar", "off", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
    *("--platform", "any", "--implementation", "py", "--abi", "none"),
    *("--python-version", ".".join(map(str, NEWEST_PYTHON))),
)


class PipIndex:
    """One index. ``url`` is ``default`` for pip's own, or empty where no requirements are taken.

    ``cache`` keeps wheels from one call to the next; what is in it is checked like what is downloaded.
    """

    def __init__(self, url: str, *, cache: Path | None = None, seconds: float = _SECONDS) -> None:
        self._url = url
        self._cache = cache
        self._seconds = seconds

    def wheels(self, requirements: Sequence[Requirement], limits: Limits) -> Mapping[str, bytes]:
        if not requirements:
            return {}
        if not self._url:
            raise InvalidRequirementsError(
                "requirements are not taken here: this stack has no package index (its parameter PackageIndexUrl)"
            )
        kept = {requirement: self._kept(requirement) for requirement in requirements}
        found = {file: content for wheel in kept.values() for file, content in wheel.items()}
        missing = [requirement for requirement, wheel in kept.items() if not wheel]
        if missing:
            with tempfile.TemporaryDirectory(prefix="dagbranch-wheels-") as folder:
                found |= self._downloaded(missing, Path(folder), limits)
        check_wheels(requirements, found)
        self._keep(missing, found)
        return found

    def _downloaded(self, requirements: Sequence[Requirement], work: Path, limits: Limits) -> dict[str, bytes]:
        deadline = time.monotonic() + self._seconds
        wheels = work / "wheels"
        wheels.mkdir()
        failed = self._pip(requirements, wheels, limits, deadline)
        if failed is not None:
            if isinstance(passing := why_it_failed(requirements[0], failed), TransientUpstreamError):
                raise passing
            # It ended at the first fault; each on its own tells all of them, and which is whose.
            culprits_first = sorted(requirements, key=lambda one: one.pin not in failed.said)
            _raise_worst(list(self._failures(culprits_first, wheels, limits, deadline)))
        check_sizes({file.name: file.stat().st_size for file in wheels.iterdir()}, limits)
        return {file.name: file.read_bytes() for file in wheels.iterdir()}

    def _failures(
        self, requirements: Sequence[Requirement], wheels: Path, limits: Limits, deadline: float
    ) -> Iterator[DagbranchError]:
        for requirement in requirements:
            try:
                failed = self._pip([requirement], wheels, limits, deadline)
            except TransientUpstreamError as late:
                yield late
                return
            if failed is not None:
                yield why_it_failed(requirement, failed)

    def _pip(
        self, requirements: Sequence[Requirement], wheels: Path, limits: Limits, deadline: float
    ) -> FailedRun | None:
        """Downloads; returns what pip said where it failed. Raises TransientUpstreamError after the deadline."""
        with tempfile.TemporaryDirectory(dir=wheels.parent) as folder:
            home = Path(folder)
            (home / "pins").write_text("".join(map(_line, requirements)))
            index = () if self._url == DEFAULT_INDEX else ("--index-url", self._url)
            files = ("--log", home / "log", "--dest", wheels, "--requirement", home / "pins")
            try:
                ended = subprocess.run(  # noqa: S603 - pip, with arguments of ours
                    [*self._python(), "-c", _LIMITED, str(limits.file_size_bytes), _pip(), *_OPTIONS, *index, *files],
                    env=_environment(home),
                    cwd=home,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=False,
                    timeout=max(0.1, deadline - time.monotonic()),
                )
            except subprocess.TimeoutExpired as error:
                raise TransientUpstreamError(f"the package index did not answer in {self._seconds:.0f} s") from error
            log = (home / "log").read_text(errors="replace") if (home / "log").exists() else ""
        return FailedRun(log, ended.stderr.decode(errors="replace")) if ended.returncode else None

    def _python(self) -> list[str]:
        """Isolated from the machine's packages and variables; a layer has no compiled modules, and cannot get any."""
        compiled = ["-X", f"pycache_prefix={self._cache / 'compiled'}"] if self._cache else ["-B"]
        return [sys.executable, "-I", "-S", *compiled]

    def _kept(self, requirement: Requirement) -> dict[str, bytes]:
        folder = self._folder(requirement)
        if folder is None or not folder.is_dir():
            return {}
        offered = {file.name: file.read_bytes() for file in folder.glob("*.whl")}
        return chosen_wheels([requirement], offered)

    def _keep(self, requirements: Sequence[Requirement], wheels: Mapping[str, bytes]) -> None:
        if self._cache is None:
            return
        kept = self._cache / "wheels"
        size = sum(file.stat().st_size for file in kept.glob("*/*.whl"))
        if size + sum(map(len, wheels.values())) > _CACHE_BYTES:
            shutil.rmtree(kept, ignore_errors=True)
        for requirement in requirements:
            folder = self._folder(requirement)
            assert folder is not None, "there is a cache"
            folder.mkdir(parents=True, exist_ok=True)
            for file in (one for one in wheels if parse_wheel(one).is_of(requirement)):
                (folder / file).write_bytes(wheels[file])

    def _folder(self, requirement: Requirement) -> Path | None:
        """By the whole pin: which of several wheels is taken depends on all of its hashes."""
        digest = hashlib.sha256(_line(requirement).encode()).hexdigest()
        return self._cache / "wheels" / digest if self._cache else None


class WheelFolder:
    """Wheels that somebody downloaded, where the index wants a credential or there is no network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def wheels(self, requirements: Sequence[Requirement], limits: Limits) -> Mapping[str, bytes]:
        wanted = {requirement.name for requirement in requirements}
        files = [file for file in sorted(self._folder.glob("*.whl")) if parse_wheel(file.name).name in wanted]
        check_sizes({file.name: file.stat().st_size for file in files}, limits)
        chosen = chosen_wheels(requirements, {file.name: file.read_bytes() for file in files})
        missing = [one.pin for one in requirements if not any(parse_wheel(file).is_of(one) for file in chosen)]
        if missing:
            raise InvalidRequirementsError(f"{self._folder} has no pure wheel with a hash of {', '.join(missing)}")
        return chosen


def _raise_worst(failures: Sequence[DagbranchError]) -> None:
    """What its author can mend first, all of it together; what passes comes again."""
    own = [str(failure) for failure in failures if isinstance(failure, InvalidRequirementsError)]
    if own:
        raise InvalidRequirementsError("\n".join(own))
    for failure in sorted(failures, key=lambda one: type(one) is not UpstreamError):
        raise failure


def _line(requirement: Requirement) -> str:
    return " ".join([requirement.pin, *(f"--hash=sha256:{one}" for one in sorted(requirement.hashes))]) + "\n"


def _pip() -> str:
    """The folder of pip, to be run as it is: its process sees no other package."""
    found = find_spec("pip")
    if found is None or found.origin is None:
        raise ConfigurationError("requirements are fetched with pip, which is not installed beside dagbranch")
    return str(Path(found.origin).parent)


def _environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": os.defpath,
        "PIP_CONFIG_FILE": os.devnull,
        "TMPDIR": str(home),
        **_trusted_authorities(),
    }


def _trusted_authorities() -> dict[str, str]:
    """What this process trusts, pip trusts: an index of the company's own may have a certificate of its own."""
    found = ssl.get_default_verify_paths().cafile
    return {"SSL_CERT_FILE": found} if found else {}
