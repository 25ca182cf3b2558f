"""What the settings of a lane come to for its DAGs and tasks."""

from __future__ import annotations

import pytest

from dagbranch.runtime.configuration import Configuration
from dagbranch.runtime.preview import RunSettings, run_settings


def configuration(lane: str, **settings: object) -> Configuration:
    return Configuration("feature1", lane, 40 * "0", settings, {})


@pytest.mark.parametrize(
    ("lane", "settings", "expected"),
    [
        ("preview", {}, RunSettings(schedules=False, catchup=False, emails=False, max_active_runs=1)),
        (
            "preview",
            {"schedules": True, "catchup": True, "emails": True, "max_active_runs": 3},
            RunSettings(max_active_runs=3),
        ),
        (
            "preview",
            {"pool": "previews_{environment}", "max_active_tasks": 4, "retries": 0},
            RunSettings(
                schedules=False,
                catchup=False,
                emails=False,
                max_active_runs=1,
                max_active_tasks=4,
                pool="previews_feature1",
                retries=0,
            ),
        ),
        ("preview", {"as_written": True, "retries": 0}, None),
        ("prod", {"retries": 0}, None),
        ("prod", {"as_written": False}, RunSettings(unpaused=False)),
        (
            "prod",
            {"as_written": False, "retries": 1, "catchup": False},
            RunSettings(unpaused=False, catchup=False, retries=1),
        ),
    ],
)
def test_a_preview_is_careful_by_itself_and_a_release_lane_where_it_is_told(
    lane: str, settings: dict[str, object], expected: RunSettings | None
) -> None:
    found = run_settings(configuration(lane, **settings))

    assert (found and vars(found)) == (expected and vars(expected))


def test_a_canary_is_not_paused_so_that_it_can_be_run_by_hand() -> None:
    canary = Configuration("prod_next", "prod", 40 * "0", {"as_written": False, "schedules": False}, {}, ids="next")

    assert vars(run_settings(canary)) == vars(RunSettings(schedules=False))
