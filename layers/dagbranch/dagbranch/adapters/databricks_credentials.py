"""The warehouse's secret: a personal access token, or a service principal's id and secret (OAuth machine-to-machine).

https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

from dagbranch.errors import ConfigurationError, TransientUpstreamError, UpstreamError

_SCOPE: Final = "all-apis"
# A token is fetched anew before its end, because a request that has begun still needs it.
_BEFORE_EXPIRY_SECONDS: Final = 120
_EXPECTED: Final = 'expected a token, or JSON {"client_id": "…", "client_secret": "…"}'


class Credentials(Protocol):
    def token(self) -> str:
        """What to send as Bearer. Raises UpstreamError where there is none to be had."""

    def redacted(self, text: str) -> str:
        """The text without any of the secrets."""


@dataclass(frozen=True, repr=False)
class AccessToken:
    text: str

    def token(self) -> str:
        return self.text

    def redacted(self, text: str) -> str:
        return text.replace(self.text, "***")


class ClientCredentials:
    """A service principal's. Its token is fetched when it is first asked for, and serves all sessions."""

    def __init__(
        self,
        host: str,
        client_id: str,
        client_secret: str,
        *,
        timeout_seconds: float = 30,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host, self._client_id, self._client_secret = host, client_id, client_secret
        self._timeout_seconds, self._now = timeout_seconds, now
        self._lock = threading.Lock()
        self._token, self._good_until = "", 0.0

    def token(self) -> str:
        with self._lock:
            if not self._token or self._now() >= self._good_until:
                asked_at = self._now()
                self._token, expires_in = self._fetched()
                self._good_until = asked_at + expires_in - _BEFORE_EXPIRY_SECONDS
            return self._token

    def redacted(self, text: str) -> str:
        for secret in filter(None, (self._client_secret, self._token)):
            text = text.replace(secret, "***")
        return text

    def _fetched(self) -> tuple[str, float]:
        from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error

        status, answer = self._post(BackendApplicationClient(self._client_id).prepare_request_body(scope=_SCOPE))
        if status == 429 or status >= 500:
            raise TransientUpstreamError(f"{self._host} gives no token now: HTTP {status}")
        try:
            given = BackendApplicationClient(self._client_id).parse_request_body_response(answer)
        except (OAuth2Error, ValueError) as error:
            reason = self.redacted(str(error)) or "no reason given"
            raise UpstreamError(
                f"{self._host} gives no token for the client {self._client_id}: HTTP {status}, {reason}"
            ) from None
        return str(given["access_token"]), float(given.get("expires_in", 0))

    def _post(self, body: str) -> tuple[int, str]:
        """By urllib3, which trusts the authorities of ``SSL_CERT_FILE`` as the connector does."""
        from urllib3 import PoolManager, make_headers
        from urllib3.exceptions import HTTPError

        headers = make_headers(basic_auth=f"{self._client_id}:{self._client_secret}")
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            with PoolManager(ssl_context=ssl.create_default_context(), timeout=self._timeout_seconds) as pool:
                url = f"https://{self._host}/oidc/v1/token"
                response = pool.request("POST", url, body=body, headers=headers, retries=2, redirect=False)
        except HTTPError as error:
            raise TransientUpstreamError(
                f"{self._host} cannot be asked for a token: {self.redacted(str(error))}"
            ) from None
        return response.status, response.data.decode(errors="replace")


def parse_credentials(secret: str, host: str) -> Credentials:
    """From the secret's text. Raises ConfigurationError, which does not tell the text."""
    if not secret.startswith("{"):
        return AccessToken(secret) if secret and not any(map(str.isspace, secret)) else _refuse("it is no token")
    try:
        given = json.loads(secret)
    except ValueError:
        _refuse("it is no JSON")
    client_id, client_secret = given.get("client_id"), given.get("client_secret")
    if not _is_text(client_id) or not _is_text(client_secret):
        _refuse("client_id and client_secret are not two texts")
    return ClientCredentials(host, client_id, client_secret)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _refuse(found: str) -> NoReturn:
    raise ConfigurationError(f"the warehouse's secret: {found}; {_EXPECTED}") from None
