"""Wheels made in the test, and the requirements that pin them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping

_EARLIEST = (1980, 1, 1, 0, 0, 0)


def wheel_name(name: str, version: str = "1.0", tag: str = "py3-none-any") -> str:
    return f"{name.replace('-', '_')}-{version}-{tag}.whl"


def a_wheel(
    name: str,
    version: str = "1.0",
    files: Mapping[str, bytes] | None = None,
    *,
    tag: str = "py3-none-any",
    requires: tuple[str, ...] = (),
) -> bytes:
    """A wheel of these files; without any, of one module of its name with its version."""
    module = name.replace("-", "_")
    files = {f"{module}.py": f"VERSION = {version!r}\n".encode()} if files is None else files
    folder = f"{module}-{version}.dist-info"
    metadata = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {one}" for one in requires)]
    described = {
        f"{folder}/METADATA": "\n".join(["Metadata-Version: 2.1", *metadata, ""]).encode(),
        f"{folder}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        f"{folder}/RECORD": b"",
    }
    return a_zip({**files, **described})


def a_zip(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, _EARLIEST), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pin(name: str, version: str, *files: bytes) -> str:
    """The line of a requirements file, as ``uv pip compile --generate-hashes`` writes it."""
    hashes = " ".join(f"\\\n    --hash=sha256:{sha256(one)}" for one in files)
    return f"{name}=={version} {hashes}\n    # via -r requirements.in\n"
