"""Data that is published on npm alone: one pinned tarball each, fetched by npm itself, cached in the checkout.

``python -m local.node_packages`` fetches them ahead of time; without npm, NpmMissingError.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local.toolchain import CACHE


class NpmMissingError(RuntimeError):
    """There is neither npm on the PATH nor a cached tarball."""


@dataclass(frozen=True)
class NodePackage:
    """``integrity`` is npm's own: of the tarball's bytes."""

    name: str
    version: str
    integrity: str

    @property
    def tarball(self) -> Path:
        return CACHE / "npm" / f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


WEBHOOKS_EXAMPLES = NodePackage(  # MIT licence; github.com/octokit/webhooks
    "@octokit/webhooks-examples",
    "7.6.1",
    "sha512-De6U3XB6O3DtCa7bKgCMzTHdeopqqZ6SNivMYJnK65ierKL1AnNIA0tkRYCRS7lwGT792d+Ps1WbfHlso6MynQ==",
)


def tarball_of(package: NodePackage) -> Path:
    """The package's tarball, fetched if it is not there; raises ValueError where it is not the pinned one."""
    if not package.tarball.exists():
        _fetch(package)
    algorithm, _, expected = package.integrity.partition("-")
    found = base64.b64encode(hashlib.new(algorithm, package.tarball.read_bytes()).digest()).decode()
    if found != expected:
        raise ValueError(f"{package.tarball} is not {package.name} {package.version} as pinned: {algorithm}-{found}")
    return package.tarball


def read_json(package: NodePackage, path: str) -> Any:
    """A JSON file of the package."""
    with tarfile.open(tarball_of(package)) as archive:
        file = archive.extractfile(f"package/{path}")
        assert file is not None, f"{path} is a file"
        return json.load(file)


def _fetch(package: NodePackage) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NpmMissingError(f"npm is missing, by which {package.name} {package.version} is fetched")
    package.tarball.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=package.tarball.parent) as folder:
        command = [npm, "pack", "--silent", f"{package.name}@{package.version}", "--pack-destination", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        (fetched,) = Path(folder).glob("*.tgz")
        fetched.replace(package.tarball)


if __name__ == "__main__":
    print(tarball_of(WEBHOOKS_EXAMPLES))
