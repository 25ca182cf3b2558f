"""The two ways to install the command, from the checkout and from the layer's folder, describe one package."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import hatchling.build
import pytest

from dagbranch import __version__

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "dagbranch"
_IMPORTED = """
import sys
sys.path.insert(0, sys.argv[1])
from dagbranch_env import schema, setting
print(schema("db_attribution"), setting("src_conn", "default"))
"""


def pyproject(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def test_both_describe_the_same_package() -> None:
    root, layer = pyproject(ROOT), pyproject(LAYER)

    for key in (
        "name",
        "dynamic",
        "description",
        "license",
        "requires-python",
        "dependencies",
        "optional-dependencies",
        "scripts",
    ):
        assert root["project"][key] == layer["project"][key]
    assert root["build-system"] == layer["build-system"]


def test_both_take_version_and_package_from_the_same_files() -> None:
    for folder in (ROOT, LAYER):
        hatch = pyproject(folder)["tool"]["hatch"]
        (package,) = hatch["build"]["targets"]["wheel"]["packages"]
        assert (folder / hatch["version"]["path"]).samefile(LAYER / "dagbranch" / "__init__.py")
        assert (folder / package).samefile(LAYER / "dagbranch")
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


@pytest.mark.parametrize("folder", [ROOT, LAYER], ids=["checkout", "layer"])
def test_what_is_installed_has_the_module_that_dag_code_imports(folder: Path, tmp_path: Path) -> None:
    with contextlib.chdir(folder):
        wheel = tmp_path / hatchling.build.build_wheel(str(tmp_path))

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _IMPORTED, wheel], check=True, capture_output=True, text=True
    )

    assert done.stdout.split() == ["db_attribution", "default"]
    assert "dagbranch_env/py.typed" in zipfile.ZipFile(wheel).namelist()


def test_the_layers_pin_what_the_command_needs() -> None:
    pins = [(ROOT / "layers" / layer / "requirements.txt").read_text() for layer in ("dagbranch", "resolver")]
    pinned = dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", "".join(pins), re.MULTILINE))
    versions = {name.lower(): tuple(map(int, version.split(".")[:2])) for name, version in pinned.items()}

    for requirement in pyproject(LAYER)["project"]["dependencies"]:
        name, _, least = requirement.partition(">=")
        assert versions[name.lower()] >= tuple(map(int, least.split(".")))
