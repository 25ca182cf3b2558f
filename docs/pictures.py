"""``python docs/pictures.py``: what stands on a pull request in each state, as ``docs/pull-requests.md`` shows it.

The comment, the check and the deployment are the functions' own; the page around them is drawn here, after GitHub's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dagbranch.domain.environments import Environment
from dagbranch.domain.overview import BaseChanges, Overview
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.report_check import check_of
from dagbranch.domain.report_comment import comment_of
from dagbranch.domain.report_deployment import deployments_to_put
from dagbranch.domain.reports import Answer
from dagbranch.errors import InvalidPipelineFileError
from local.browser import Browser, a_browser
from local.drawn_page import page_of
from local.node_packages import NodePackage, tarball_of
from local.toolchain import ROOT, python_of
from tests.fakes.report_examples import (
    GITHUB,
    OVERVIEW,
    a_deploying_one,
    a_failed_one,
    a_ready_one,
    a_refused_one,
    a_removed_one,
    a_waiting_one,
    an_answer,
)

_HEAD_SHA = "51c11d7e0b2f4a6d8c90317e5f2a4b6c8d0e1f23"
_WIDTH, _HEIGHT, _SCALE = 900, 2_000, 1.5
_MOST_COLOURS = 96
_FONTS = {  # SIL Open Font License
    "Inter": NodePackage(
        "@fontsource/inter",
        "5.3.0",
        "sha512-RofMylZmjlJEfELXeNHFWBRcSs75rGU/6bV2S2jfnvv/3rPXPGe0LgUJTklcHZ9lM4OZmAVFhcJPnACfb91A3g==",
    ),
    "JetBrains Mono": NodePackage(
        "@fontsource/jetbrains-mono",
        "5.3.0",
        "sha512-fqDfB5I9f1p1TV486aUgB9t8zP84P0O1FtQR5Ol9vjwPy+S+EIGlVYm1cvj2W5shcZMTg2nZFdVMoH5wFu8a1A==",
    ),
}
# Run by the tools' own Python: texts in, HTML out; PNG in, a smaller PNG out.
_TO_HTML = """
import json, sys
from markdown_it import MarkdownIt
github = MarkdownIt("gfm-like", {"breaks": True})
print(json.dumps([github.render(text) for text in json.load(sys.stdin)]))
"""
_TO_SMALL = f"""
import io, sys
from PIL import Image
image = Image.open(io.BytesIO(sys.stdin.buffer.read())).convert("RGB")
image.quantize({_MOST_COLOURS}, kmeans=2, dither=Image.Dither.NONE).save(sys.stdout.buffer, "PNG", optimize=True)
"""
_BROKEN_FILE = b"""\
version: 1
dags: dags
data:
  source_suffix: _test
  schemas:
    db_attribution:
      reads: [m_events]
      write:
        m_roi: {seed: 'date IN (SELECT date FROM days)'}
"""
_IMPORT_ERROR = (
    "dags/qu/common/sources.py:12: ModuleNotFoundError: No module named 'holidays' "
    "(imported by dags/qu/main/test_dag.py)"
)


@dataclass(frozen=True)
class Scene:
    record: Environment
    answers: tuple[Answer, ...] = ()


def scenes() -> dict[str, Scene]:
    """By the picture's name."""
    found = {
        "ready": Scene(
            a_ready_one(is_kept=True),
            (an_answer(text="it is kept until its pull request is closed, however long that takes"),),
        ),
        "many-dags": Scene(a_large_one()),
        "deploying": Scene(a_deploying_one()),
        "waiting": Scene(a_waiting_one()),
        "import-error": Scene(
            a_failed_one(_IMPORT_ERROR, failed_in_airflow=True, dag_ids=("qu.feature1.new_dag", "qu.feature1.other"))
        ),
        "pipeline-file": Scene(a_failed_one(_told_of_the_broken_file(), pipeline=None, data=None, dag_ids=())),
        "skipped": Scene(
            a_refused_one("the pull request is a draft: mark it as ready for review to get an environment")
        ),
        "fork": Scene(a_refused_one(awaits_approval=True)),
        "removed": Scene(a_removed_one()),
    }
    return {name: replace(one, record=replace(one.record, head_sha=_HEAD_SHA)) for name, one in found.items()}


def a_large_one() -> Environment:
    modules = {f"qu.feature1.dag_{number:03}": f"dags/qu/dag_{number:03}.py" for number in range(200)}
    changes = BaseChanges(added=("dags/qu/dag_017.py",), changed=("dags/qu/dag_003.py",))
    return a_ready_one(dag_ids=tuple(modules), overview=Overview(changes, OVERVIEW.schemas, modules))


def main() -> None:
    options = _parser().parse_args()
    wanted = {name: one for name, one in scenes().items() if name in (options.only or scenes())}
    comments = _html([comment_of(one.record, one.answers, GITHUB) for one in wanted.values()])
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, a_browser(_WIDTH, _HEIGHT, _SCALE) as browser:
        style = _style(Path(folder))
        for (name, scene), comment in zip(wanted.items(), comments, strict=True):
            page = Path(folder, "page.html")
            page.write_text(_page(scene.record, comment, style))
            picture = options.output / f"pull-request-{name}.png"
            picture.write_bytes(_small(_photographed(browser, page)))
            sys.stderr.write(f"{picture.name}: {picture.stat().st_size // 1000} kB\n")


def _told_of_the_broken_file() -> str:
    try:
        parse_pipeline_file(_BROKEN_FILE)
    except InvalidPipelineFileError as error:
        return str(error)
    raise AssertionError("the file is broken")


def _html(texts: Sequence[str]) -> list[str]:
    program = [str(python_of("pictures")), "-c", _TO_HTML]
    done = subprocess.run(program, input=json.dumps(texts), capture_output=True, text=True, check=True)
    rendered: list[str] = json.loads(done.stdout)
    return rendered


def _small(picture: bytes) -> bytes:
    return subprocess.run(
        [python_of("pictures"), "-c", _TO_SMALL], input=picture, capture_output=True, check=True
    ).stdout


def _photographed(browser: Browser, page: Path) -> bytes:
    browser.open(page.as_uri())
    browser.answer("return document.fonts.ready.then(() => true)")
    return browser.picture_of("#scene")


def _style(folder: Path) -> str:
    faces = []
    for family, package in _FONTS.items():
        stem = package.name.rpartition("/")[2]
        for weight in (400, 600):
            name = f"{stem}-latin-{weight}-normal.woff2"
            Path(folder, name).write_bytes(_file_of(package, f"files/{name}"))
            faces.append(f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url("{name}"); }}')
    return "\n".join([*faces, Path(__file__).with_suffix(".css").read_text()])


def _file_of(package: NodePackage, path: str) -> bytes:
    with tarfile.open(tarball_of(package)) as archive:
        file = archive.extractfile(f"package/{path}")
        assert file is not None, f"{path} is a file"
        return file.read()


def _page(record: Environment, comment: str, style: str) -> str:
    deployments = [one for one, _ in deployments_to_put(record, None)]
    return page_of(comment, check_of(record, GITHUB), deployments, style)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--only", action="append", choices=list(scenes()), help="one of them; all without it")
    return parser


if __name__ == "__main__":
    main()
