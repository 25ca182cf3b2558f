"""A client of Airflow's own REST API: version prefix, log-in and health, which differ between the lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from local.airflow.configuration import Line

_PREFIX: dict[Line, str] = {"2": "/api/v1", "3": "/api/v2"}
_HEALTH: dict[Line, str] = {"2": "/api/v1/health", "3": "/api/v2/monitor/health"}
_PARTS: dict[Line, list[str]] = {
    "2": ["metadatabase", "scheduler"],
    "3": ["metadatabase", "scheduler", "dag_processor"],
}


class AirflowRest:
    """Calls as one user, with basic authentication (2.x) or a token of the simple auth manager (3.x)."""

    def __init__(self, line: Line, url: str, username: str, password: str) -> None:
        self._line = line
        self._url = url
        self._username = username
        self._password = password
        self._session = requests.Session()
        self._session.trust_env = False
        if line == "2":
            self._session.auth = (username, password)

    def call(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, timeout_seconds: float = 60
    ) -> tuple[int, Any]:
        """The status and JSON of an answer; text where the answer is no JSON, ``{}`` where it is empty."""
        response = self._send(method, path, query, body, timeout_seconds)
        if response.status_code == 401 and self._line == "3":
            self._log_in()
            response = self._send(method, path, query, body, timeout_seconds)
        return response.status_code, _content(response)

    def healthy(self) -> bool:
        try:
            response = self._session.get(self._url + _HEALTH[self._line], timeout=5)
            report = response.json() if response.ok else {}
        except requests.RequestException:
            return False
        return all(report.get(part, {}).get("status") == "healthy" for part in _PARTS[self._line])

    def close(self) -> None:
        self._session.close()

    def _send(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, timeout_seconds: float
    ) -> requests.Response:
        return self._session.request(
            method,
            self._url + _PREFIX[self._line] + path,
            params={name: _parameter(value) for name, value in (query or {}).items()},
            json=body,
            timeout=timeout_seconds,
            allow_redirects=False,
        )

    def _log_in(self) -> None:
        credentials = {"username": self._username, "password": self._password}
        response = self._session.post(f"{self._url}/auth/token", json=credentials, timeout=60)
        response.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"


def _parameter(value: Any) -> Any:
    """Python's True is not the true of a query string; a list becomes one parameter per item."""
    if isinstance(value, bool):
        return str(value).lower()
    return [_parameter(item) for item in value] if isinstance(value, list) else value


def _content(response: requests.Response) -> Any:
    if not response.content:
        return {}
    try:
        return response.json()
    except requests.JSONDecodeError:
        return response.text
