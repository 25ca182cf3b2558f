"""A headless Chromium over WebDriver's JSON, for the programs that make the documents' pictures: Debian's."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from local.processes import Child
from local.toolchain import CACHE

_DEADLINE_SECONDS = 90


class Browser:
    """One session, as far as WebDriver is needed here (https://www.w3.org/TR/webdriver2/)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._session = ""

    def start(self, width: int, height: int, scale: float) -> None:
        # No sandbox, because containers have none; it opens pages of this machine only.
        looks = ["--hide-scrollbars", f"--window-size={width},{height}", f"--force-device-scale-factor={scale}"]
        chrome = {"binary": _program("chromium"), "args": ["--headless=new", "--no-sandbox", *looks]}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": chrome}
        answer = self._call("POST", "", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"/{answer['sessionId']}"

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def type_into(self, selector: str, text: str) -> None:
        self._call("POST", f"/element/{self._element(selector)}/value", {"text": text})

    def has(self, selector: str) -> bool:
        return bool(self._call("POST", "/elements", {"using": "css selector", "value": selector}))

    def answer(self, script: str) -> Any:
        """What a script of ours returns."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def text(self) -> str:
        return str(self.answer("return document.body.innerText"))

    def picture(self) -> bytes:
        return base64.b64decode(self._call("GET", "/screenshot"))

    def picture_of(self, selector: str) -> bytes:
        """Of one element, as far as the window shows it."""
        return base64.b64decode(self._call("GET", f"/element/{self._element(selector)}/screenshot"))

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


@contextmanager
def a_browser(width: int, height: int, scale: float = 1) -> Iterator[Browser]:
    """``scale``: how many of a picture's pixels are one of the page's."""
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
            browser.start(width, height, scale)
            yield browser
            browser.stop()
        finally:
            driver.stop()


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
