"""Who speaks to GitHub: a token, or a GitHub App whose tokens reach one repository and do what one function needs.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache, partial
from typing import Annotated, Final, Literal, NoReturn

from github import Auth, GithubException, UnknownObjectException
from jwt import PyJWTError
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from dagbranch.adapters.github_api import GitHubApi
from dagbranch.errors import ConfigurationError, UpstreamError

type Permissions = Mapping[str, Literal["read", "write"]]

PULL_REQUESTS: Final[Permissions] = {"pull_requests": "read"}
SOURCES: Final[Permissions] = {"contents": "read", "pull_requests": "read"}
RELEASES: Final[Permissions] = {"checks": "read", "contents": "read", "deployments": "read", "statuses": "read"}
# A comment on a pull request, and a reaction to one, are the pull request's, not an issue's.
REPORTS: Final[Permissions] = {
    "checks": "write",
    "deployments": "write",
    "pull_requests": "write",
    "statuses": "write",
}
_ALWAYS: Final[Permissions] = {"metadata": "read"}  # GitHub gives it to every App
_NOT_FOUND: Final = "Not Found"
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")
# Tokens last an hour; one is fetched anew before its end, because what has begun still needs it.
_BEFORE_EXPIRY: Final = timedelta(minutes=5)
_EXPECTED: Final = (
    'expected a token, or a GitHub App as JSON {"app_id": 123, "private_key": "-----BEGIN RSA PRIVATE KEY-----\\n…"}, '
    "with the key's line breaks written as \\n"
)


class _AppSecret(BaseModel):
    """``app_id``: the number, or the client id, which GitHub takes as well."""

    app_id: int | Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    private_key: str


class Installation(BaseModel):
    """Of a GitHub App, on the account that has the repository; ``permissions`` are those that its owner granted."""

    id: int
    app_id: int
    app_slug: str
    permissions: dict[str, str]


class _Identified(BaseModel):
    id: int


class _NewToken(BaseModel):
    token: str
    expires_at: datetime


class _User(BaseModel):
    login: str


_INSTALLATION: Final = TypeAdapter(Installation)
_NEW_TOKEN: Final = TypeAdapter(_NewToken)
_IDENTIFIED: Final = TypeAdapter(_Identified)
_USER: Final = TypeAdapter(_User)


@dataclass(frozen=True)
class InstallationToken:
    text: str = field(repr=False)
    expires_at: datetime
    installation: Installation


def _now() -> datetime:
    return datetime.now(UTC)


class GitHubApp:
    """Mints tokens, one for each repository and set of permissions, and keeps them until shortly before their end."""

    def __init__(self, api_url: str, auth: Auth.AppAuth, now: Callable[[], datetime] = _now) -> None:
        self._api_url, self._auth, self._now = api_url, auth, now
        self._tokens: dict[tuple[str, frozenset[tuple[str, str]]], InstallationToken] = {}

    @cached_property
    def id(self) -> int:
        """GitHub's number; asked for where the secret has the client id."""
        given = str(self._auth.app_id)
        return int(given) if given.isdecimal() else self._api().ask(_IDENTIFIED, "/app").id

    def installation(self, repository: str) -> Installation:
        """As GitHub says at this moment."""
        try:
            return self._api().ask(_INSTALLATION, f"/repos/{repository}/installation")
        except UnknownObjectException as error:
            if error.data.get("message") != _NOT_FOUND:  # of the App, not of the repository
                raise UpstreamError(f"GitHub knows no App {self._auth.app_id}, which its secret names") from error
            told = {"message": f"{_NOT_FOUND}: the GitHub App is not installed on {repository}"}
            raise UnknownObjectException(error.status, told, error.headers) from error

    def token(self, repository: str, permissions: Permissions) -> InstallationToken:
        asked = repository.lower(), frozenset(permissions.items())
        kept = self._tokens.get(asked)
        if kept is None or self._now() >= kept.expires_at - _BEFORE_EXPIRY:
            kept = self._tokens[asked] = self._minted(repository, permissions)
        return kept

    def forget(self, token: InstallationToken) -> None:
        self._tokens = {asked: kept for asked, kept in self._tokens.items() if kept is not token}

    def _minted(self, repository: str, permissions: Permissions) -> InstallationToken:
        installation = self.installation(repository)
        granted = _granted({**_ALWAYS, **permissions}, installation.permissions)
        try:
            new = self._new_token(installation, granted, repositories=[repository.partition("/")[2]])
        except GithubException as error:
            if error.status != 422:
                raise
            number = self._renamed(repository, installation)
            new = self._new_token(installation, granted, repository_ids=[number])
        return InstallationToken(new.token, new.expires_at, installation)

    def _new_token(
        self, installation: Installation, permissions: Mapping[str, str], **repositories: object
    ) -> _NewToken:
        place = f"/app/installations/{installation.id}/access_tokens"
        return self._api().tell(_NEW_TOKEN, "POST", place, permissions=permissions, **repositories)

    def _renamed(self, repository: str, installation: Installation) -> int:
        """The id: an earlier name leads to the repository everywhere but where a token is made."""
        finder = Auth.Token(self._new_token(installation, _ALWAYS).token)
        return GitHubApi(self._api_url, finder).ask(_IDENTIFIED, f"/repos/{repository}").id

    def _api(self) -> GitHubApi:
        """A new connection, because an old one may have been cut while the function was frozen."""
        return GitHubApi(self._api_url, self._auth)


class GitHubCredentials:
    """What the secret's text stands for. ``permissions`` narrow an App's tokens; a token is as it was made."""

    def __init__(self, api_url: str, secret: str, permissions: Permissions) -> None:
        self._api_url, self._permissions = api_url, permissions
        self._app = _app(api_url, secret)
        self._own = None if self._app else GitHubApi(api_url, Auth.Token(_checked_token(secret)))
        self._apis: dict[str, GitHubApi] = {}

    def api(self, repository: str) -> GitHubApi:
        if self._app is None:
            assert self._own is not None, "without an App there is a token"
            return self._own
        token = self._app.token(repository, self._permissions)
        if token.text not in self._apis:
            forget = partial(self._app.forget, token)
            self._apis[token.text] = GitHubApi(self._api_url, Auth.Token(token.text), forget=forget)
        return self._apis[token.text]

    def installation(self, repository: str) -> int | None:
        """None where there is no App, but a token."""
        return None if self._app is None else self._app.installation(repository).id

    def own_app_id(self) -> int | None:
        """Our own GitHub App; None where there is none, but a token."""
        return None if self._app is None else self._app.id

    def author(self, repository: str) -> str:
        """The login under which GitHub shows what is written with these credentials."""
        if self._app is None:
            return self.api(repository).ask(_USER, "/user").login
        return f"{self._app.token(repository, self._permissions).installation.app_slug}[bot]"

    def app_id(self, repository: str) -> int | None:
        """By which GitHub knows an App's check runs."""
        if self._app is None:
            return None
        return self._app.token(repository, self._permissions).installation.app_id


def _granted(wanted: Permissions, granted: Mapping[str, str]) -> dict[str, str]:
    """GitHub refuses to make a token at all, where one permission is more than the App was granted."""
    return {
        name: "read" if granted[name] == "read" else level
        for name, level in wanted.items()
        if name in granted or name in _ALWAYS
    }


def _app(api_url: str, secret: str) -> GitHubApp | None:
    return _parsed_app(api_url, secret) if secret.startswith("{") else None


@lru_cache(maxsize=4)
def _parsed_app(api_url: str, secret: str) -> GitHubApp:
    """The same one for every message that this process works on, with its tokens; another, when the key is rotated."""
    try:
        given = _AppSecret.model_validate_json(secret)
    except ValidationError as error:
        _refuse("; ".join(f"{'.'.join(map(str, one['loc'])) or 'the JSON'}: {one['type']}" for one in error.errors()))
    auth = Auth.AppAuth(given.app_id, given.private_key or "-")
    try:
        auth.create_jwt()
    except (PyJWTError, ValueError, TypeError, AttributeError):  # all of what a key that is none of RSA ends in
        _refuse("private_key is no RSA key in PEM form")
    return GitHubApp(api_url, auth)


def _checked_token(secret: str) -> str:
    if _TOKEN.fullmatch(secret) is None:
        _refuse("it is no token")
    return secret


def _refuse(found: str) -> NoReturn:
    raise ConfigurationError(f"GitHub's secret: {found}; {_EXPECTED}") from None
