from __future__ import annotations

import re
from pathlib import Path

import pytest

from dagbranch.adapters import github_credentials
from dagbranch.domain.github_app import EVENTS, PERMISSIONS, api_of, manifest, page_to_make_it
from dagbranch.use_cases.receive_webhook import USED_EVENTS

ROOT = Path(__file__).parents[3]
# What GitHub asks of an App that wants to hear of these events; no function needs it.
FOR_EVENTS = {"issue_comment": ("issues", "read"), "merge_group": ("merge_queues", "read")}
HOOK = "https://hook.example/"


def asked_by_handlers() -> dict[str, str]:
    """The union of the permissions that the handlers name, each at its strongest."""
    handlers = (path.read_text() for path in sorted(ROOT.glob("functions/*/app.py")))
    imports = (re.search(r"from dagbranch\.adapters\.github_credentials import (.+)", text) for text in handlers)
    named = {name for found in imports if found for name in found[1].split(", ")}
    pairs = [pair for name in named for pair in getattr(github_credentials, name).items()]
    return dict(sorted(pairs, key=lambda pair: pair[1] == "write"))


def test_the_app_may_do_what_its_functions_ask_for_and_hear_what_they_use_and_no_more() -> None:
    assert asked_by_handlers() | dict(FOR_EVENTS.values()) | {"metadata": "read"} == PERMISSIONS


def test_the_app_hears_of_the_events_that_the_webhook_lets_through() -> None:
    assert set(EVENTS) == USED_EVENTS


def test_a_manifest_makes_an_app_of_ones_own_with_a_webhook() -> None:
    made = manifest("dagbranch", "https://github.com", HOOK, "http://127.0.0.1:1/made")

    assert made["hook_attributes"] == {"url": HOOK, "active": True}
    assert made["public"] is False
    assert (made["default_permissions"], made["default_events"]) == (dict(PERMISSIONS), list(EVENTS))


@pytest.mark.parametrize(
    ("organization", "page"),
    [
        ("acme", "https://github.com/organizations/acme/settings/apps/new?state=s%2F1"),
        (None, "https://github.com/settings/apps/new?state=s%2F1"),
    ],
)
def test_an_app_belongs_to_an_organization_or_to_oneself(organization: str | None, page: str) -> None:
    assert page_to_make_it("https://github.com", organization, "s/1") == page


@pytest.mark.parametrize(
    ("github_url", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://github.acme.example", "https://github.acme.example/api/v3"),
    ],
)
def test_the_api_is_where_that_github_has_it(github_url: str, api: str) -> None:
    assert api_of(github_url) == api
