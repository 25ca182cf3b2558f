"""From a request to its answer: who may ask, what the path names, and which endpoint knows."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from local.github.rest import comparison_endpoints, content_endpoints, pull_endpoints, repository_endpoints
from local.github.rest.messages import Answer, ApiError, Request, json_answer, not_found
from local.github.rest.site import Call, Site
from local.github.state import HostedRepository

type Endpoint = Callable[[Call], Answer]

_REPOSITORY = re.compile(r"/(?:repos/(?P<full_name>[^/]+/[^/]+)|repositories/(?P<id>\d+))(?P<rest>/.*|)")
_CODELOAD = re.compile(r"/_codeload/(?P<full_name>[^/]+/[^/]+)/(?P<kind>legacy\.tar\.gz|legacy\.zip)/(?P<ref>.+)")
_ENDPOINTS: tuple[tuple[re.Pattern[str], Endpoint], ...] = tuple(
    (re.compile(pattern), endpoint)
    for pattern, endpoint in (
        (r"", repository_endpoints.show_repository),
        (r"/branches/(?P<branch>.+)", repository_endpoints.show_branch),
        (r"/commits/(?P<ref>.+)", repository_endpoints.show_commit),
        (r"/compare/(?P<base>.+)\.\.\.(?P<head>.+)", comparison_endpoints.compare),
        (r"/(?P<kind>tarball|zipball)(?:/(?P<ref>.*))?", repository_endpoints.redirect_to_archive),
        (r"/git/commits/(?P<sha>[^/]+)", repository_endpoints.show_git_commit),
        (r"/git/trees/(?P<sha>.+)", content_endpoints.show_tree),
        (r"/git/blobs/(?P<sha>[^/]+)", content_endpoints.show_blob),
        (r"/contents(?P<path>/.*|)", content_endpoints.show_contents),
        (r"/pulls", pull_endpoints.list_pulls),
        (r"/pulls/(?P<number>\d+)", pull_endpoints.show_pull),
        (r"/pulls/(?P<number>\d+)/files", pull_endpoints.list_files),
    )
)


class Application:
    """Answers what the REST API and the archive host would answer, with GitHub's headers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def answer_api(self, request: Request) -> Answer:
        try:
            answer = self._authorized_answer(request)
        except ApiError as error:
            answer = error.answer()
        identity = {"X-GitHub-Media-Type": "github.v3; format=json", "X-GitHub-Request-Id": secrets.token_hex(8)}
        return answer.with_headers(identity | self._site.rate_limit.headers())

    def answer_codeload(self, request: Request) -> Answer:
        """The archive host: it knows the links that the API gave out, and nobody's token."""
        found = _CODELOAD.fullmatch(request.path)
        if found is None or self._site.outage_status:
            return Answer(self._site.outage_status or 404)
        token = request.query.get("token", "")
        return repository_endpoints.download_archive(self._site, found["full_name"], found["kind"], found["ref"], token)

    def _authorized_answer(self, request: Request) -> Answer:
        if self._site.outage_status:
            raise ApiError(self._site.outage_status, "Server Error")
        if "user-agent" not in request.headers:
            raise ApiError(
                403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent"
            )
        known = self._is_known(request)
        if request.path == "/rate_limit" and request.method == "GET":
            return json_answer(self._site.rate_limit.overview())
        self._site.rate_limit.take()
        if not known or request.method != "GET":
            raise not_found()
        return self._repository_answer(request)

    def _is_known(self, request: Request) -> bool:
        """Whether the request carries the token: a wrong one is 401, none at all sees no private repository."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if not kind:
            return False
        if kind.lower() not in {"bearer", "token"} or token != self._site.token:
            raise ApiError(401, "Bad credentials")
        return True

    def _repository_answer(self, request: Request) -> Answer:
        path = _REPOSITORY.fullmatch(request.path)
        hosted = self._hosted(path["full_name"], path["id"]) if path else None
        if path is None or hosted is None or not hosted.record.granted:
            raise not_found()
        for pattern, endpoint in _ENDPOINTS:
            if found := pattern.fullmatch(path["rest"]):
                return endpoint(Call(self._site, request, hosted, found.groupdict(default="")))
        raise not_found()

    def _hosted(self, full_name: str | None, repository_id: str | None) -> HostedRepository | None:
        if full_name is not None:
            return self._site.state.named(full_name)
        return self._site.state.repositories.get(int(repository_id or 0))
