"""``sam build``, once per state of the sources: a stack that runs keeps the code that it was started with."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.aws.sam import run_sam
from local.aws.template import LAYER, read_template, resources, source_folders
from local.toolchain import CACHE, REQUIREMENTS, python_of

PACKAGED = "packaged.yaml"
BYTECODE = ".bytecode"
_COMPLETE = ".complete"
_BUILDS_KEPT = 3  # what other stacks of this checkout may be running


def sam_build(template: Path, build_folder: Path, cache: Path = CACHE) -> None:
    """Builds ``template`` into ``build_folder``, reusing what is unchanged.

    Raises CalledProcessError with SAM's own words as a note.
    """
    with _locked(cache / "sam" / _name(template)) as work:
        run_sam(
            [
                *("build", "--template", template.resolve(), "--build-dir", build_folder.resolve()),
                # SAM removes from its cache what this template has not: each template has a cache of its own.
                *("--cached", "--cache-dir", work / "cache", "--parallel"),
            ],
            cwd=work,
        )


def cached_build(template: Path, cache: Path = CACHE) -> Path:
    """The folder with the build of these sources, made if it is not there; the last three builds are kept.

    Its ``packaged.yaml`` is the built template with the layers as zips: to zip 180 MB anew for each deploy costs 8 s.
    """
    with _locked(cache / "build" / _name(template)) as builds:
        build = builds / inputs_digest(template)[:16]
        if not (build / _COMPLETE).exists():
            shutil.rmtree(build, ignore_errors=True)
            sam_build(template, build, cache)
            _zip_layers(build)
            _compile_layers(build)
            (build / _COMPLETE).touch()
        os.utime(build)
        _drop_older(builds)
    return build


def inputs_digest(template: Path) -> str:
    """A digest of everything that a build reads: the template, the code it names, and the pinned tools."""
    digest = hashlib.sha256(f"{template.resolve()}\0{sys.version}\0".encode())
    for path in [template, REQUIREMENTS / "sam.txt", *_sources(template)]:
        digest.update(f"{path}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _zip_layers(build: Path) -> None:
    """Zips each layer without compressing it, and names the zips in a copy of the template."""
    text = (build / "template.yaml").read_text()
    for logical_id, properties in resources(read_template(build / "template.yaml"), LAYER):
        folder = build / properties["ContentUri"]
        archive = build / f"{logical_id}.zip"
        _zip(folder, archive)
        text = re.sub(
            rf"(ContentUri: ){re.escape(properties['ContentUri'])}$", rf"\1{archive.name}", text, flags=re.MULTILINE
        )
    (build / PACKAGED).write_text(text)


def _compile_layers(build: Path) -> None:
    """Compiles what the sandboxes import, beside the code: left to the first cold start, a webhook runs out of time."""
    layers = [properties["ContentUri"] for _, properties in resources(read_template(build / "template.yaml"), LAYER)]
    subprocess.run(
        [python_of("lambda"), "-m", "compileall", "-q", "-j", "0", *(build / layer / "python" for layer in layers)],
        env={"PYTHONPYCACHEPREFIX": str(build / BYTECODE)},
        stdout=subprocess.DEVNULL,
        check=False,  # packages carry files for other versions of Python
    )


def _zip(folder: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                opened.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), path.read_bytes())


def _sources(template: Path) -> Iterator[Path]:
    for folder in source_folders(template):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _drop_older(builds: Path) -> None:
    complete = sorted(builds.glob(f"*/{_COMPLETE}"), key=lambda stamp: stamp.parent.stat().st_mtime, reverse=True)
    for stamp in complete[_BUILDS_KEPT:]:
        shutil.rmtree(stamp.parent)


def _name(template: Path) -> str:
    return hashlib.sha256(str(template.resolve()).encode()).hexdigest()[:12]


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """One process at a time works in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
