"""GitHub's secret as text: a token, or a GitHub App's id and private key."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from dagbranch.adapters.github_credentials import SOURCES, GitHubCredentials
from dagbranch.errors import ConfigurationError

URL = "http://127.0.0.1:9"


def pem(key: PrivateKeyTypes, *, password: bytes | None = None) -> str:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY = pem(RSA)
PUBLIC = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def an_app(private_key: str = KEY, app_id: object = 123) -> str:
    return json.dumps({"app_id": app_id, "private_key": private_key})


@pytest.mark.parametrize(
    "secret", ["ghp_0123456789abcdef", "github_pat_11AB_cd", "ghs_123_ey.Jh-b.Gc", "made-up-token"]
)
def test_a_token_stands_for_itself(secret: str) -> None:
    credentials = GitHubCredentials(URL, secret, SOURCES)

    assert credentials.installation("acme/pipelines") is None
    assert credentials.app_id("acme/pipelines") is None


@pytest.mark.parametrize("app_id", [123, "123", "Iv23liAbCdEf"])
def test_an_app_is_named_by_its_number_or_its_client_id(app_id: object) -> None:
    GitHubCredentials(URL, an_app(app_id=app_id), SOURCES)


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        ("", "it is no token"),
        ("two words", "it is no token"),
        ("tökén", "it is no token"),
        (KEY, "it is no token"),
        ('["a list"]', "it is no token"),
        ("{", "the JSON: json_invalid"),
        ('{"token": "x"}', "app_id: missing; private_key: missing"),
        (an_app(app_id="../1"), "app_id"),
        (an_app(app_id=None), "app_id"),
        (an_app(""), "private_key is no RSA key in PEM form"),
        (an_app("a-secret-of-another-kind"), "private_key is no RSA key in PEM form"),
        (an_app(KEY[:300]), "private_key is no RSA key in PEM form"),
        (an_app(KEY.replace("\n", "\\n")), "private_key is no RSA key in PEM form"),
        (an_app(PUBLIC.decode()), "private_key is no RSA key in PEM form"),
        (an_app(pem(ec.generate_private_key(ec.SECP256R1()))), "private_key is no RSA key in PEM form"),
        (an_app(pem(RSA, password=b"locked")), "private_key is no RSA key in PEM form"),
    ],
)
def test_a_secret_of_another_form_is_refused_with_the_one_that_it_must_have(secret: str, found: str) -> None:
    with pytest.raises(ConfigurationError, match=found) as error:
        GitHubCredentials(URL, secret, SOURCES)

    assert 'expected a token, or a GitHub App as JSON {"app_id": 123' in str(error.value)
    assert not [part for part in (KEY[40:80], "a-secret-of-another-kind", "two words") if part in str(error.value)]
    assert error.value.__cause__ is None
