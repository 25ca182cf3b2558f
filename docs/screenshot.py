"""``python docs/screenshot.py``: Airflow's DAG list filtered by an environment's tag, as ``docs/images`` shows it.

Starts the local stack, makes the demo's three environments, runs a DAG of one of them and photographs the list with
Debian's Chromium. With ``--url`` it photographs an Airflow that is up, such as that of ``make demo KEEP=1``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from local.browser import a_browser
from local.demo import story
from local.demo.repository import REPOSITORY
from local.processes import wait_until
from local.stack import local_stack
from local.toolchain import CACHE, ROOT

_ENVIRONMENT = "feature1"
_FOLDER = CACHE / "screenshot"
_WIDTH, _HEIGHT = 1280, 690
_DEADLINE_SECONDS = 90


def main() -> None:
    options = _parser().parse_args()
    if options.url:
        photograph(options.url, options.user, options.password, options.environment, options.output)
        return
    shutil.rmtree(_FOLDER, ignore_errors=True)
    with local_stack(_FOLDER, line="3", allowed_repositories=REPOSITORY, progress=_say) as stack:
        story.open_pull_requests(stack, story.begin(stack), _say)
        _say(f"a run of test_dag in {options.environment}")
        story.run(stack, options.environment)
        airflow = stack.airflow
        photograph(airflow.url, airflow.username, airflow.password, options.environment, options.output)


def photograph(url: str, user: str, password: str, environment: str, output: Path) -> None:
    """Logs in as a person does, filters the DAG list by the environment's tag, and writes what is to be seen."""
    with a_browser(_WIDTH, _HEIGHT) as browser:
        browser.open(f"{url}/")
        _until(lambda: browser.has("input[name=username]"), "Airflow's log-in")
        browser.type_into("input[name=username]", user)
        browser.type_into("input[name=password]", f"{password}\ue007")  # WebDriver's Enter
        _until(lambda: not browser.has("input[name=password]"), "being logged in")
        browser.open(f"{url}/dags?tags={environment}")
        wanted = [f"qu.{environment}.test_dag", f"qu.{environment}.test_dag_2"]
        _until(lambda: all(dag_id in browser.text() for dag_id in wanted), f"the DAGs of {environment}")
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(browser.picture())
    _say(f"{output}: {output.stat().st_size // 1000} kB")


def _until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what=what, deadline_seconds=_DEADLINE_SECONDS)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--environment", default=_ENVIRONMENT)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images" / f"airflow-{_ENVIRONMENT}.png")
    parser.add_argument("--url", type=_address, help="an Airflow that is up, instead of a local stack of our own")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", default="")
    return parser


def _address(text: str) -> str:
    if urlsplit(text).scheme not in {"http", "https"}:
        raise argparse.ArgumentTypeError(f"{text!r} is no address of an Airflow")
    return text.rstrip("/")


if __name__ == "__main__":
    main()
