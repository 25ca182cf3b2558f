from __future__ import annotations

import json

from dagbranch.domain.requests import EventKind, action_detail, event_detail
from dagbranch.domain.sweep_truths import Action
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, an_environment

DETAIL = {
    "version",
    "environment",
    "lane",
    "repository",
    "pull_number",
    "head_sha",
    "source_digest",
    "generation",
    "at",
    "message",
    "data",
}


def test_every_event_has_the_same_keys_whoever_asks_for_it() -> None:
    own = event_detail(an_environment(message="m"), NOW, dag_ids=["a"])
    swept = action_detail(Action("remove", REPOSITORY, REPOSITORY_ID, 1, FIRST, "why"), "preview", NOW)

    assert own.keys() == swept.keys() == DETAIL
    assert own["data"] == {"repository_id": REPOSITORY_ID, "dag_ids": ["a"]}
    assert (swept["environment"], swept["message"]) == (None, "why")
    assert json.loads(json.dumps(own))["at"] == "2026-11-21T09:00:00+00:00"


def test_the_kinds_are_the_names_in_the_design() -> None:
    assert {str(kind) for kind in EventKind} == {
        "Environment Requested",
        "Packaged",
        "Provisioned",
        "Updated",
        "Ready",
        "Failed",
        "Removal Requested",
        "Removed",
        "Waiting",
        "Verification Requested",
        "Data Reset Requested",
        "Data Check Requested",
        "Report Requested",
        "Release Judged",
        "Release Requested",
    }
