"""The two ways to install the command, from the checkout and from the layer's folder, describe one package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from dagbranch import __version__

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "dagbranch"


def pyproject(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def test_both_describe_the_same_package() -> None:
    root, layer = pyproject(ROOT), pyproject(LAYER)

    for key in ("name", "dynamic", "description", "license", "requires-python", "dependencies", "scripts"):
        assert root["project"][key] == layer["project"][key]
    assert root["build-system"] == layer["build-system"]


def test_both_take_version_and_package_from_the_same_files() -> None:
    for folder in (ROOT, LAYER):
        hatch = pyproject(folder)["tool"]["hatch"]
        (package,) = hatch["build"]["targets"]["wheel"]["packages"]
        assert (folder / hatch["version"]["path"]).samefile(LAYER / "dagbranch" / "__init__.py")
        assert (folder / package).samefile(LAYER / "dagbranch")
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_layer_pins_what_the_command_needs() -> None:
    pinned = dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", (LAYER / "requirements.txt").read_text(), re.MULTILINE))
    versions = {name.lower(): tuple(map(int, version.split(".")[:2])) for name, version in pinned.items()}

    for requirement in pyproject(LAYER)["project"]["dependencies"]:
        name, _, least = requirement.partition(">=")
        assert versions[name.lower()] >= tuple(map(int, least.split(".")))
