"""From a request to its answer: who may ask, what the path names, and which endpoint knows."""

from __future__ import annotations

import re
import secrets

from local.github.apps import AppRecord
from local.github.payloads.accounts import token_owner
from local.github.rest import repository_endpoints
from local.github.rest.app_endpoints import answer_app
from local.github.rest.callers import Installation, Person, caller_of
from local.github.rest.exchanges import exchange_of
from local.github.rest.messages import Answer, ApiError, Request, json_answer, not_found
from local.github.rest.routes import ROUTES
from local.github.rest.site import Call, Site
from local.github.state import HostedRepository

_REPOSITORY = re.compile(r"/(?:repos/(?P<full_name>[^/]+/[^/]+)|repositories/(?P<id>\d+))(?P<rest>/.*|)")
_FOR_APPS = re.compile(r"/app(?:/|\Z)|/repos/[^/]+/[^/]+/installation\Z")
_CODELOAD = re.compile(r"/_codeload/(?P<full_name>[^/]+/[^/]+)/(?P<kind>legacy\.tar\.gz|legacy\.zip)/(?P<ref>.+)")


class Application:
    """Answers what the REST API and the archive host would answer, with GitHub's headers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def answer_api(self, request: Request) -> Answer:
        try:
            answer = self._authorized_answer(request)
        except ApiError as error:
            answer = error.answer()
        self._record(request, answer)
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
        caller = caller_of(request, self._site.state, self._site.token_owner, self._site.token)
        if request.path == "/rate_limit" and request.method == "GET":
            return json_answer(self._site.rate_limit.overview())
        self._site.rate_limit.take()
        if isinstance(caller, AppRecord):
            return answer_app(self._site, caller, request)
        if _FOR_APPS.match(request.path):
            raise ApiError(401, "A JSON web token could not be decoded")
        if isinstance(caller, Person) and (request.method, request.path) == ("GET", "/user"):
            return json_answer(token_owner(self._site.urls, caller.actor.login))
        return self._repository_answer(request, caller)

    def _repository_answer(self, request: Request, caller: Person | Installation | None) -> Answer:
        path = _REPOSITORY.fullmatch(request.path)
        hosted = self._hosted(path["full_name"], path["id"]) if path else None
        if path is None or hosted is None or caller is None or not caller.sees(hosted):
            raise not_found()
        for route in ROUTES:
            if route.method == request.method and (found := route.pattern.fullmatch(path["rest"])):
                caller.check(route.need, hosted)
                call = Call(self._site, request, hosted, found.groupdict(default=""), caller.actor)
                return route.endpoint(call)
        raise not_found()

    def _record(self, request: Request, answer: Answer) -> None:
        exchange = exchange_of(request, answer)
        if self._site.exchanges is not None and exchange is not None:
            self._site.exchanges.append(exchange)

    def _hosted(self, full_name: str | None, repository_id: str | None) -> HostedRepository | None:
        if full_name is not None:
            return self._site.state.named(full_name)
        return self._site.state.repositories.get(int(repository_id or 0))
