"""GitHub's REST API over PyGithub's connection: each answer is whole and of the form that it should have, or an error.

PyGithub itself takes an empty body for an empty list, and a proxy's page for an object without attributes.
"""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import requests
from github import Auth, Github, GithubException, GithubRetry
from pydantic import TypeAdapter, ValidationError
from urllib3 import BaseHTTPResponse

from dagbranch.errors import TransientUpstreamError, UpstreamError

TIMEOUT_SECONDS: Final = 15
PER_PAGE: Final = 100  # GitHub's most
_LONGEST_WAIT_SECONDS: Final = 20  # else GithubRetry waits for the rate limit's reset, up to an hour
_LAST_PAGE: Final = re.compile(r'<[^>]*[?&]page=(\d+)[^>]*>;\s*rel="last"')
_RATE_LIMITED: Final = re.compile(r"rate limit|abuse detection|try again later|retry your request", re.IGNORECASE)


class GitHubApi:
    """One token's view of GitHub; ``api_url`` is api.github.com or an Enterprise Server's ``/api/v3``."""

    def __init__(self, api_url: str, token: str) -> None:
        self._requester = Github(
            base_url=api_url,
            auth=Auth.Token(token),
            timeout=TIMEOUT_SECONDS,
            retry=_Patience(total=3, raise_on_status=False, max_rate_limit_wait=_LONGEST_WAIT_SECONDS),
            # Its own pacing, 0.25 s a request, serves people's scripts.
            seconds_between_requests=None,
            seconds_between_writes=None,
        ).requester

    def ask[T](self, form: TypeAdapter[T], path: str, **parameters: str | int) -> T:
        return self._asked(form, path, parameters)[1]

    def redirection(self, path: str) -> str:
        """Where GitHub sends those who ask for this."""
        headers, _ = self._answer(path, {})
        if "location" not in headers:
            raise TransientUpstreamError("GitHub answered with no address")
        return str(headers["location"])

    def every_page[T](self, form: TypeAdapter[list[T]], path: str, **parameters: str | int) -> list[T]:
        """All entries of a list that is asked for in the order in which they were made; one may be in it twice.

        Pages are read from behind, because what leaves the list meanwhile moves the rest to the front, where it is
        still to be read. The first page is read once before, for its link to the last one; where there is no link, as
        behind a proxy that drops it, a full page is not believed to be the last.
        """

        def page(number: int) -> tuple[Mapping[str, Any], list[T]]:
            return self._asked(form, path, {**parameters, "per_page": PER_PAGE, "page": number})

        headers, first = page(1)
        told = _LAST_PAGE.search(str(headers.get("link", "")))
        last = int(told[1]) if told else 1
        if last == 1 and len(first) < PER_PAGE:
            return first
        found = []
        while True:  # what was added meanwhile is behind the page that was the last
            last += 1
            found += (added := page(last)[1])
            if len(added) < PER_PAGE:
                break
        for number in range(last - 1, 0, -1):
            found += page(number)[1]
        return found

    def _asked[T](
        self, form: TypeAdapter[T], path: str, parameters: Mapping[str, str | int]
    ) -> tuple[Mapping[str, Any], T]:
        headers, answer = self._answer(path, parameters)
        return headers, form.validate_python(answer)

    def _answer(self, path: str, parameters: Mapping[str, str | int]) -> tuple[Mapping[str, Any], Any]:
        try:
            return self._requester.requestJsonAndCheck("GET", path, parameters=dict(parameters))
        except (ValueError, AttributeError) as error:  # PyGithub's own, of what only begins like JSON
            raise TransientUpstreamError("GitHub's answer is no JSON that could be read") from error


class _Patience(GithubRetry):
    """Waits as long as GitHub asks, where that is short; else the message comes again, when the queue brings it."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Any:  # urllib3 promises Self, PyGithub any Retry
        wait = self.get_retry_after(response) if response is not None else None
        if response is not None and wait is not None and wait > _LONGEST_WAIT_SECONDS:
            response.close()  # nobody else does, where this raises
            raise GithubException(response.status, {"message": f"try again in {wait:.0f} s"}, dict(response.headers))
        return super().increment(method, url, response, error, _pool, _stacktrace)  # type: ignore[arg-type] # the base of urllib3's own response


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raises UpstreamError, or TransientUpstreamError, that says what was being done."""
    try:
        yield
    except GithubException as error:
        message = error.data.get("message", "") if isinstance(error.data, dict) else ""
        kind = TransientUpstreamError if _passes(error, str(message)) else UpstreamError
        raise kind(f"{doing}: GitHub answered {error.status} {message}") from error
    except requests.HTTPError as error:
        # Its text holds the address, and the address a signature.
        raise TransientUpstreamError(f"{doing}: GitHub answered {error.response.status_code}") from None
    except (requests.RequestException, tarfile.TarError, zlib.error, EOFError) as error:
        raise TransientUpstreamError(f"{doing}: {type(error).__name__}") from None
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "the whole"
        raise TransientUpstreamError(f"{doing}: GitHub's answer is not what it should be at {place}") from None


def _passes(error: GithubException, message: str) -> bool:
    """GitHub tells its limits, the primary and the secondary ones, with 403 or 429 and any of these signs."""
    if error.status != 403:
        return error.status in {408, 429} or error.status >= 500
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    spent = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    return spent or _RATE_LIMITED.search(message) is not None
