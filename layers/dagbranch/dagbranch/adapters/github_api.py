"""GitHub's REST API over PyGithub's connection: each answer is whole and of the form that it should have, or an error.

PyGithub itself takes an empty body for an empty list, and a proxy's page for an object without attributes.
"""

from __future__ import annotations

import re
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final, Literal

import requests
from github import Auth, BadCredentialsException, Github, GithubException, GithubRetry
from pydantic import TypeAdapter, ValidationError
from urllib3 import BaseHTTPResponse

from dagbranch.errors import TransientUpstreamError, UpstreamError

TIMEOUT_SECONDS: Final = 15
PER_PAGE: Final = 100  # GitHub's most
_LONGEST_WAIT_SECONDS: Final = 20  # else GithubRetry waits for the rate limit's reset, up to an hour
_WRITING: Final = frozenset({"POST", "PATCH"})
_LIMITS_WINDOW_SECONDS: Final = 3600  # GitHub's own, after which a limit begins anew
_WITHOUT_A_WORD_SECONDS: Final = 60
_LAST_PAGE: Final = re.compile(r'<[^>]*[?&]page=(\d+)[^>]*>;\s*rel="last"')
_RATE_LIMITED: Final = re.compile(r"rate limit|abuse detection|try again later|retry your request", re.IGNORECASE)


class GitHubApi:
    """One token's view of GitHub; ``api_url`` is api.github.com or an Enterprise Server's ``/api/v3``.

    ``forget`` is called where GitHub no longer knows a token that can be had anew: the next try has another one.
    """

    def __init__(self, api_url: str, auth: Auth.Auth, forget: Callable[[], None] | None = None) -> None:
        self._forget = forget
        self._requester = Github(
            base_url=api_url,
            auth=auth,
            timeout=TIMEOUT_SECONDS,
            retry=_Patience(
                total=3,
                allowed_methods={"GET"},
                raise_on_status=False,
                max_rate_limit_wait=_LONGEST_WAIT_SECONDS,
            ),
            # Its own pacing, 0.25 s a request, serves people's scripts.
            seconds_between_requests=None,
            seconds_between_writes=None,
        ).requester

    def ask[T](self, form: TypeAdapter[T], path: str, **parameters: str | int) -> T:
        return self._asked(form, path, parameters)[1]

    def tell[T](self, form: TypeAdapter[T], verb: Literal["POST", "PATCH"], path: str, **body: object) -> T:
        """Writes once: where the answer is lost, GitHub may have done it."""
        return form.validate_python(self._answer(verb, path, body=body)[1])

    def redirection(self, path: str) -> str:
        """Where GitHub sends those who ask for this."""
        headers, _ = self._answer("GET", path)
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
        headers, answer = self._answer("GET", path, parameters)
        return headers, form.validate_python(answer)

    def _answer(
        self,
        verb: str,
        path: str,
        parameters: Mapping[str, str | int] = MappingProxyType({}),
        body: Mapping[str, object] | None = None,
    ) -> tuple[Mapping[str, Any], Any]:
        try:
            return self._requester.requestJsonAndCheck(verb, path, parameters=dict(parameters), input=body)
        except BadCredentialsException as error:
            if self._forget is None:
                raise
            self._forget()
            raise TransientUpstreamError("GitHub no longer knows the App's token") from error
        except (ValueError, AttributeError) as error:  # PyGithub's own, of what only begins like JSON
            raise TransientUpstreamError("GitHub's answer is no JSON that could be read") from error


class _Patience(GithubRetry):
    """Waits as long as GitHub asks, where that is short; else the message comes again, when the queue brings it.

    What was to be written is sent again only where GitHub says that it did not take it: its limits.
    """

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:  # noqa: FBT001, FBT002 # urllib3's
        if method in _WRITING:
            return bool(self.total) and (status_code == 403 or (status_code == 429 and has_retry_after))
        return super().is_retry(method, status_code, has_retry_after)

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
        if response is not None and wait is not None and (wait > _LONGEST_WAIT_SECONDS or self._has_waited()):
            response.close()  # nobody else does, where this raises
            raise GithubException(response.status, {"message": f"try again in {wait:.0f} s"}, dict(response.headers))
        return super().increment(method, url, response, error, _pool, _stacktrace)  # type: ignore[arg-type] # the base of urllib3's own response

    def _has_waited(self) -> bool:
        """Once is enough of a Lambda's time."""
        return any(earlier.status in {403, 429, 503} for earlier in self.history)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raises UpstreamError, or TransientUpstreamError, that says what was being done."""
    try:
        yield
    except GithubException as error:
        told = f"{doing}: GitHub answered {error.status} {_message(error)}{_faults(error)}"
        if passes(error):
            raise TransientUpstreamError(told, retry_seconds=_asked_wait(error)) from error
        raise UpstreamError(told) from error
    except requests.HTTPError as error:
        # Its text holds the address, and the address a signature.
        raise TransientUpstreamError(f"{doing}: GitHub answered {error.response.status_code}") from None
    except (requests.RequestException, tarfile.TarError, zlib.error, EOFError) as error:
        raise TransientUpstreamError(f"{doing}: {type(error).__name__}") from None
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"])) or "the whole"
        raise TransientUpstreamError(f"{doing}: GitHub's answer is not what it should be at {place}") from None


def passes(error: GithubException) -> bool:
    """Whether another try may meet something else: GitHub is down, or one of its limits is reached."""
    return error.status == 408 or error.status >= 500 or _is_limit(error)


def _is_limit(error: GithubException) -> bool:
    """GitHub tells its limits, the primary and the secondary ones, with 403 or 429 and any of these signs."""
    headers = _headers(error)
    spent = headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers
    is_told = spent or _RATE_LIMITED.search(_message(error)) is not None
    return error.status == 429 or (error.status == 403 and is_told)


def _asked_wait(error: GithubException) -> int:
    """How long GitHub wants to be left alone; 0 where it does not say.

    docs.github.com, "Best practices for using the REST API": by these headers, or a minute.
    """
    headers = _headers(error)
    if (after := headers.get("retry-after", "")).isdecimal():
        return min(int(after), _LIMITS_WINDOW_SECONDS)
    if not _is_limit(error):
        return 0
    reset = headers.get("x-ratelimit-reset", "") if headers.get("x-ratelimit-remaining") == "0" else ""
    seconds = int(reset) + 1 - int(time.time()) if reset.isdecimal() else _WITHOUT_A_WORD_SECONDS
    return min(max(seconds, 1), _LIMITS_WINDOW_SECONDS)


def _message(error: GithubException) -> str:
    return str(error.data.get("message", "")) if isinstance(error.data, dict) else ""


def _faults(error: GithubException) -> str:
    """What GitHub has against single fields, or the right that it misses, where it says so."""
    needed = _headers(error).get("x-accepted-github-permissions") if error.status == 403 else None
    if needed:
        return f" (it asks for {needed[:200]})"
    listed = error.data.get("errors") if isinstance(error.data, dict) else None
    named = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    told = [f"{one.get('field', '')} {one.get('message') or one.get('code', '')}".strip() for one in named[:3]]
    return f" ({'; '.join(told)[:200]})" if told else ""


def _headers(error: GithubException) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in (error.headers or {}).items()}
