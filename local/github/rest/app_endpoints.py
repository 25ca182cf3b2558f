"""What an App may ask in its own name: who it is, where it is installed, and tokens for an installation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from local.github.apps import AppRecord, InstallationRecord, allows
from local.github.payloads import apps
from local.github.rest.inputs import AccessTokenInput, read
from local.github.rest.messages import Answer, ApiError, Request, json_answer, not_found
from local.github.rest.site import Site
from local.github.state import HostedRepository

_MOST_REPOSITORIES = 500  # docs.github.com, "Create an installation access token for an app"
_REPOSITORY_MISSING = (
    "There is at least one repository that does not exist or is not accessible to the parent installation."
)


def answer_app(site: Site, app: AppRecord, request: Request) -> Answer:
    """Raises ApiError 404 for what an App cannot ask."""
    for method, pattern, endpoint in _ROUTES:
        found = re.fullmatch(pattern, request.path)
        if found and method == request.method:
            return endpoint(site, app, request, found.groupdict())
    raise not_found()


def _show_app(site: Site, app: AppRecord, _: Request, __: Mapping[str, str]) -> Answer:
    return json_answer(apps.integration(site.urls, app))


def _list_installations(site: Site, app: AppRecord, _: Request, __: Mapping[str, str]) -> Answer:
    ours = [one for one in list(site.state.apps.installations.values()) if one.app_id == app.id]
    return json_answer([apps.installation(site.urls, app, one) for one in ours])


def _show_installation(site: Site, app: AppRecord, _: Request, parts: Mapping[str, str]) -> Answer:
    return json_answer(apps.installation(site.urls, app, _installation(site, app, int(parts["id"]))))


def _repository_installation(site: Site, app: AppRecord, _: Request, parts: Mapping[str, str]) -> Answer:
    hosted = site.state.named(parts["full_name"])
    if hosted is None:
        raise not_found()
    found = site.state.apps.installation_on(hosted.record.owner, hosted.record.id, app.id)
    if found is None:
        raise not_found()
    return json_answer(apps.installation(site.urls, app, found))


def _create_token(site: Site, app: AppRecord, request: Request, parts: Mapping[str, str]) -> Answer:
    """A token for some or all of the installation's repositories and permissions, never for more."""
    installation = _installation(site, app, int(parts["id"]))
    if installation.suspended_at:
        raise ApiError(403, "This installation has been suspended")
    wanted = read(AccessTokenInput, request)
    permissions = wanted.permissions or installation.permissions  # PyGithub sends {} for all of them
    if not all(allows(installation.permissions, name, level) for name, level in permissions.items()):
        raise ApiError(422, "The permissions requested are not granted to this installation.")
    chosen = _chosen(site, installation, wanted)
    ids = installation.repository_ids if chosen is None else frozenset(one.record.id for one in chosen)
    token = site.state.apps.issue(installation, permissions, ids)
    return json_answer(apps.installation_token(site.urls, token, chosen), 201)


def _installation(site: Site, app: AppRecord, number: int) -> InstallationRecord:
    found = site.state.apps.installations.get(number)
    if found is None or found.app_id != app.id:
        raise not_found()
    return found


def _chosen(site: Site, installation: InstallationRecord, wanted: AccessTokenInput) -> list[HostedRepository] | None:
    """None where the request names no repositories; else all that it names, or ApiError 422."""
    names, ids = wanted.repositories or [], wanted.repository_ids or []
    if not names and not ids:
        return None
    if len(names) + len(ids) > _MOST_REPOSITORIES:
        raise ApiError(422, f"No more than {_MOST_REPOSITORIES} repositories can be listed.")
    found = [site.state.named(f"{installation.account}/{name}") for name in names]
    found += [site.state.repositories.get(number) for number in ids]
    theirs = [one for one in found if one is not None and _has(installation, one)]
    if len(theirs) < len(found):
        raise ApiError(422, _REPOSITORY_MISSING)
    return theirs


def _has(installation: InstallationRecord, hosted: HostedRepository) -> bool:
    is_theirs = hosted.record.owner.casefold() == installation.account.casefold()
    return is_theirs and (installation.repository_ids is None or hosted.record.id in installation.repository_ids)


type _Endpoint = Callable[[Site, AppRecord, Request, Mapping[str, str]], Answer]
_ROUTES: tuple[tuple[str, str, _Endpoint], ...] = (
    ("GET", r"/app", _show_app),
    ("GET", r"/app/installations", _list_installations),
    ("GET", r"/app/installations/(?P<id>\d+)", _show_installation),
    ("POST", r"/app/installations/(?P<id>\d+)/access_tokens", _create_token),
    ("GET", r"/repos/(?P<full_name>[^/]+/[^/]+)/installation", _repository_installation),
)
