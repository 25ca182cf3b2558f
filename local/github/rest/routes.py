"""Every endpoint of a repository: its method and path, and the permission that it asks of an App."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from local.github.rest import (
    check_endpoints,
    comment_endpoints,
    comparison_endpoints,
    content_endpoints,
    deployment_endpoints,
    people_endpoints,
    pull_endpoints,
    repository_endpoints,
    status_endpoints,
)
from local.github.rest.callers import Need
from local.github.rest.messages import Answer
from local.github.rest.site import Call

type Endpoint = Callable[[Call], Answer]

# docs.github.com, "Permissions required for GitHub Apps"
_METADATA = Need(("metadata",))
_CONTENTS = Need(("contents",))
_PULLS = Need(("pull_requests",))
_SAID, _SAYING = Need(("issues", "pull_requests")), Need(("issues", "pull_requests"), "write")
_CHECKS, _CHECKING = Need(("checks",)), Need(("checks",), "write")
_STATUSES, _TELLING = Need(("statuses",)), Need(("statuses",), "write")
_DEPLOYMENTS, _DEPLOYING = Need(("deployments",)), Need(("deployments",), "write")


@dataclass(frozen=True)
class Route:
    """``pattern`` is of the path behind the repository's name."""

    method: str
    pattern: re.Pattern[str]
    need: Need
    endpoint: Endpoint


_COMMENT = r"/issues/comments/(?P<comment>\d+)"
_CHECK = r"/check-runs/(?P<check>\d+)"
_DEPLOYMENT = r"/deployments/(?P<deployment>\d+)"
ROUTES: tuple[Route, ...] = tuple(
    Route(method, re.compile(pattern), need, endpoint)
    for method, pattern, need, endpoint in (
        ("GET", r"", _METADATA, repository_endpoints.show_repository),
        ("GET", r"/branches/(?P<branch>.+)", _CONTENTS, repository_endpoints.show_branch),
        ("GET", r"/commits/(?P<ref>.+)/check-runs", _CHECKS, check_endpoints.list_checks),
        ("GET", r"/commits/(?P<ref>.+)/statuses", _STATUSES, status_endpoints.list_statuses),
        ("GET", r"/commits/(?P<ref>.+)/status", _STATUSES, status_endpoints.show_combined),
        ("GET", r"/commits/(?P<ref>.+)", _CONTENTS, repository_endpoints.show_commit),
        ("GET", r"/compare/(?P<base>.+)\.\.\.(?P<head>.+)", _CONTENTS, comparison_endpoints.compare),
        ("GET", r"/(?P<kind>tarball|zipball)(?:/(?P<ref>.*))?", _CONTENTS, repository_endpoints.redirect_to_archive),
        ("GET", r"/git/commits/(?P<sha>[^/]+)", _CONTENTS, repository_endpoints.show_git_commit),
        ("GET", r"/git/trees/(?P<sha>.+)", _CONTENTS, content_endpoints.show_tree),
        ("GET", r"/git/blobs/(?P<sha>[^/]+)", _CONTENTS, content_endpoints.show_blob),
        ("GET", r"/contents(?P<path>/.*|)", _CONTENTS, content_endpoints.show_contents),
        ("GET", r"/pulls", _PULLS, pull_endpoints.list_pulls),
        ("GET", r"/pulls/(?P<number>\d+)", _PULLS, pull_endpoints.show_pull),
        ("GET", r"/pulls/(?P<number>\d+)/files", _PULLS, pull_endpoints.list_files),
        ("GET", r"/collaborators/(?P<login>[^/]+)/permission", _METADATA, people_endpoints.show_permission),
        ("GET", r"/issues/(?P<number>\d+)/comments", _SAID, comment_endpoints.list_comments),
        ("POST", r"/issues/(?P<number>\d+)/comments", _SAYING, comment_endpoints.create_comment),
        ("GET", _COMMENT, _SAID, comment_endpoints.show_comment),
        ("PATCH", _COMMENT, _SAYING, comment_endpoints.change_comment),
        ("DELETE", _COMMENT, _SAYING, comment_endpoints.delete_comment),
        ("GET", rf"{_COMMENT}/reactions", _SAID, comment_endpoints.list_reactions),
        ("POST", rf"{_COMMENT}/reactions", _SAYING, comment_endpoints.react),
        ("DELETE", rf"{_COMMENT}/reactions/(?P<reaction>\d+)", _SAYING, comment_endpoints.delete_reaction),
        ("POST", r"/check-runs", _CHECKING, check_endpoints.create_check),
        ("GET", _CHECK, _CHECKS, check_endpoints.show_check),
        ("PATCH", _CHECK, _CHECKING, check_endpoints.change_check),
        ("GET", rf"{_CHECK}/annotations", _CHECKS, check_endpoints.list_annotations),
        ("GET", r"/statuses/(?P<ref>.+)", _STATUSES, status_endpoints.list_statuses),  # of old, and PyGithub's
        ("POST", r"/statuses/(?P<sha>[^/]+)", _TELLING, status_endpoints.create_status),
        ("GET", r"/deployments", _DEPLOYMENTS, deployment_endpoints.list_deployments),
        ("POST", r"/deployments", _DEPLOYING, deployment_endpoints.create_deployment),
        ("GET", _DEPLOYMENT, _DEPLOYMENTS, deployment_endpoints.show_deployment),
        ("GET", rf"{_DEPLOYMENT}/statuses", _DEPLOYMENTS, deployment_endpoints.list_statuses),
        ("POST", rf"{_DEPLOYMENT}/statuses", _DEPLOYING, deployment_endpoints.create_status),
    )
)
