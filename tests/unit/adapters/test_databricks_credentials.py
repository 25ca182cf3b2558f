"""The warehouse's secret as text: a token, or a service principal's id and secret."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest

from dagbranch.adapters.databricks_credentials import AccessToken, ClientCredentials, parse_credentials
from dagbranch.errors import ConfigurationError, UpstreamError
from local.certificates import Certificates

SECRET = "dose-very-secret"


class TokenEndpoint(ThreadingHTTPServer):
    """Gives ``answer``, and a token with the number of the request in it."""

    daemon_threads = True

    def __init__(self, certificates: Certificates) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.answer: dict[str, object] = {"token_type": "Bearer", "expires_in": 3600}
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        self.socket = context.wrap_socket(self.socket, server_side=True)


class _Handler(BaseHTTPRequestHandler):
    server: TokenEndpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.path, body))
        body = json.dumps({"access_token": f"token-{len(self.server.asked)}"} | self.server.answer)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it
        pass


@pytest.fixture
def endpoint(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenEndpoint]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with TokenEndpoint(certificates) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def credentials_at(endpoint: TokenEndpoint, clock: Clock) -> ClientCredentials:
    return ClientCredentials(f"localhost:{endpoint.server_port}", "the-id", SECRET, now=clock)


def test_a_token_is_a_token() -> None:
    assert parse_credentials("dapi123", "a.example") == AccessToken("dapi123")


def test_client_credentials_are_told_by_their_form() -> None:
    text = json.dumps({"client_id": "an-id", "client_secret": SECRET})

    found = parse_credentials(text, "a.example")

    assert isinstance(found, ClientCredentials)
    assert found.redacted(f"with {SECRET}") == "with ***"


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"two words {SECRET}",
        f'{{"client_id": "an-id", "client_secret": "{SECRET}"',
        f'{{"client_id": "", "client_secret": "{SECRET}"}}',
        f'{{"client_secret": "{SECRET}"}}',
        f'{{"client_id": 1, "client_secret": "{SECRET}"}}',
        f'{{"clientId": "an-id", "clientSecret": "{SECRET}"}}',
    ],
)
def test_a_malformed_secret_is_told_without_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r'expected a token, or JSON \{"client_id"') as raised:
        parse_credentials(text, "a.example")

    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_secrets_are_not_in_a_representation() -> None:
    assert SECRET not in repr(AccessToken(SECRET))
    assert SECRET not in repr(ClientCredentials("a.example", "an-id", SECRET))


def test_a_token_serves_until_shortly_before_its_end(endpoint: TokenEndpoint) -> None:
    clock = Clock()
    credentials = credentials_at(endpoint, clock)

    tokens = []
    for clock.seconds in (0, 3479, 3480, 3481):
        tokens.append(credentials.token())

    assert tokens == ["token-1", "token-1", "token-2", "token-2"]
    assert endpoint.asked[0] == ("/oidc/v1/token", "grant_type=client_credentials&scope=all-apis")


def test_a_fetched_token_is_a_secret(endpoint: TokenEndpoint) -> None:
    credentials = credentials_at(endpoint, Clock())
    token = credentials.token()

    assert credentials.redacted(f"said {token} of {SECRET}") == "said *** of ***"


def test_a_refusal_is_told_with_its_reason_and_without_the_secret(endpoint: TokenEndpoint) -> None:
    endpoint.answer = {"error": "invalid_client", "error_description": f"not {SECRET}"}

    with pytest.raises(UpstreamError, match=r"the-id.*invalid_client") as raised:
        credentials_at(endpoint, Clock()).token()

    assert SECRET not in str(raised.value)
