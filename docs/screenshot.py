"""``python docs/screenshot.py``: Airflow's DAG list filtered by an environment's tag, as ``docs/images`` shows it.

Starts the local stack, makes the demo's three environments, runs a DAG of one of them and photographs the list with
Debian's Chromium (packages ``chromium`` and ``chromium-driver``), spoken to over WebDriver's JSON. With ``--url`` it
photographs an Airflow that is up, such as that of ``make demo KEEP=1``.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.demo import story
from local.demo.repository import REPOSITORY
from local.processes import Child, wait_until
from local.stack import local_stack
from local.toolchain import CACHE, ROOT

_ENVIRONMENT = "feature1"
_FOLDER = CACHE / "screenshot"
_WIDTH, _HEIGHT = 1280, 690
_DEADLINE_SECONDS = 90


class Browser:
    """One session of a headless Chromium, as far as WebDriver is needed here (https://www.w3.org/TR/webdriver2/)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._session = ""

    def start(self) -> None:
        # No sandbox, because containers have none; it opens pages of this machine only.
        arguments = ["--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size={_WIDTH},{_HEIGHT}"]
        chrome = {"binary": _program("chromium"), "args": arguments}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": chrome}
        answer = self._call("POST", "", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"/{answer['sessionId']}"

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def type_into(self, selector: str, text: str) -> None:
        self._call("POST", f"/element/{self._element(selector)}/value", {"text": text})

    def has(self, selector: str) -> bool:
        return bool(self._call("POST", "/elements", {"using": "css selector", "value": selector}))

    def text(self) -> str:
        return str(self._call("POST", "/execute/sync", {"script": "return document.body.innerText", "args": []}))

    def picture(self) -> bytes:
        return base64.b64decode(self._call("GET", "/screenshot"))

    def stop(self) -> None:
        if self._session:
            self._call("DELETE", "")

    def _element(self, selector: str) -> str:
        found = self._call("POST", "/element", {"using": "css selector", "value": selector})
        return str(next(iter(found.values())))

    def _call(self, method: str, path: str, body: object = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_DEADLINE_SECONDS)
        try:
            connection.request(method, f"/session{self._session}{path}", None if body is None else json.dumps(body))
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(f"{method} {path}: {answer['error']}: {answer['message'].splitlines()[0]}")
        return answer


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
    with _browser() as browser:
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


@contextmanager
def _browser() -> Iterator[Browser]:
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="browser-", dir=CACHE) as home:
        driver = Child(
            [_program("chromedriver"), f"--port={port}"],
            log=Path(home, "chromedriver.log"),
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "TMPDIR": home},
        )
        browser = Browser(port)
        try:
            driver.wait_until(lambda: _listens(port), what="chromedriver", deadline_seconds=30)
            browser.start()
            yield browser
            browser.stop()
        finally:
            driver.stop()


def _until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what=what, deadline_seconds=_DEADLINE_SECONDS)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(f"This machine lacks {name}: apt-get install chromium chromium-driver")
    return found


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
