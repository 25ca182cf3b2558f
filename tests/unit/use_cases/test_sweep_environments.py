from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dagbranch.domain.ending import Farewell, removing
from dagbranch.domain.environments import Status
from dagbranch.domain.ownership import marker_of
from dagbranch.errors import TransientUpstreamError
from tests.fakes.examples import (
    FILES,
    FILES_WITH_DATA,
    NOW,
    REPOSITORY,
    REPOSITORY_ID,
    SECOND,
    a_pull_request,
    an_environment,
)
from tests.fakes.github import BASE_SHA, Commit
from tests.fakes.world import World, event_about


def requests(world: World) -> list[tuple[str, int, str]]:
    return [(kind, detail["pull_number"], detail["message"]) for kind, detail in world.bus.published]


def test_what_outlived_its_pull_request_is_asked_to_be_removed(world: World) -> None:
    world.deploy(FILES)
    world.close()
    world.bus.published.clear()

    world.sweep()

    assert requests(world) == [("Removal Requested", 1, "its pull request is not open")]


def test_what_is_behind_github_or_was_never_seen_is_asked_for(world: World) -> None:
    world.deploy(FILES)
    world.bus.published.clear()
    world.github.open(a_pull_request(head_sha=SECOND), FILES)
    world.github.open(a_pull_request(number=2, head_ref="feature2"), FILES)

    world.sweep()

    assert [(kind, number) for kind, number, _ in requests(world)] == [
        ("Environment Requested", 1),
        ("Environment Requested", 2),
    ]
    detail = world.bus.published[0][1]
    assert (detail["lane"], detail["repository"], detail["head_sha"]) == ("preview", REPOSITORY, SECOND)
    assert detail["data"] == {"repository_id": REPOSITORY_ID, "orphan": None, "schemas": []}


def test_where_all_is_as_github_says_nothing_is_asked_for_and_the_sweep_is_counted(world: World) -> None:
    world.deploy(FILES)
    world.bus.published.clear()

    world.sweep()

    assert not world.bus.published
    assert world.telemetry.counted[-1] == "Sweep"


def test_what_the_default_branch_says_now_has_those_looked_at_whom_it_concerns(world: World) -> None:
    world.deploy(FILES)
    world.github.open(a_pull_request(number=2, head_ref="feature2", labels=frozenset({"preview"})), FILES)
    world.fetch(event_about(number=2))
    world.bus.published.clear()
    world.github.commits[BASE_SHA] = Commit({"dagbranch.yaml": b"version: 1\npreviews: {label: preview}\n"})

    world.sweep()

    ((kind, number, why),) = requests(world)
    assert (kind, number) == ("Environment Requested", 1)
    assert why.startswith("it is to get nothing any more: only pull requests with the label 'preview'")


@pytest.mark.parametrize("commit", [Commit({"dagbranch.yaml": b"version: [1\n"}), None])
def test_nothing_is_concluded_from_a_default_branch_that_cannot_be_read(world: World, commit: Commit | None) -> None:
    world.deploy(FILES)
    world.bus.published.clear()
    if commit is None:
        world.github.branches.clear()
    else:
        world.github.commits[BASE_SHA] = commit

    world.sweep()

    assert not world.bus.published
    assert world.telemetry.counted[-1] == "Sweep"


def test_a_refusal_is_asked_about_once(world: World) -> None:
    world.github.open(a_pull_request(base_ref="release"), FILES)
    world.fetch()
    world.bus.published.clear()

    world.sweep()

    assert not world.bus.published


def test_environments_of_a_repository_that_left_the_list_are_removed(world: World) -> None:
    world.registry.save(an_environment(repository="acme/old", repository_id=5, revision=0), event="")

    world.sweep()

    assert [kind for kind, _, _ in requests(world)] == ["Removal Requested"]


def test_environments_of_another_lane_are_none_of_its_business(world: World) -> None:
    world.registry.save(an_environment(lane="stage", status=Status.READY, revision=0), event="")

    world.sweep()

    assert not world.bus.published


def test_a_sweep_while_github_is_down_tells_it_and_removes_nothing(world: World) -> None:
    world.deploy(FILES)
    world.close()
    world.bus.published.clear()
    world.registry.save(an_environment(repository="acme/old", repository_id=5, revision=0), event="")
    world.dags.put_zip("orphan", b"zip", {**marker_of(an_environment(pull_number=7))}, replaces=None)
    world.github.down = True

    with pytest.raises(TransientUpstreamError, match="500"):
        world.sweep()

    assert not world.bus.published
    assert "LeftAlone" not in world.telemetry.counted
    assert "Sweep" not in world.telemetry.counted


def compared(world: World, at: datetime) -> None:
    """The environment is ready, and its data was last compared then."""
    world.registry.update(
        world.environment, lambda newest: replace(newest, status=Status.READY, compared_at=at), event=""
    )
    world.bus.published.clear()


def test_data_that_was_not_compared_since_the_hour_is_asked_to_be_compared(world: World) -> None:
    world.deploy(FILES_WITH_DATA)
    compared(world, NOW - timedelta(days=1))

    world.sweep()

    ((kind, detail),) = world.bus.published
    assert (kind, detail["lane"], detail["repository"], detail["pull_number"]) == (
        "Data Check Requested",
        "preview",
        REPOSITORY,
        1,
    )
    assert detail["version"] == 1
    assert detail["data"]["repository_id"] == REPOSITORY_ID


def test_data_that_was_compared_since_the_hour_is_left_alone(world: World) -> None:
    world.deploy(FILES_WITH_DATA)
    compared(world, NOW - timedelta(hours=1))

    world.sweep()

    assert not world.bus.published


@pytest.mark.parametrize(("age", "told"), [(timedelta(hours=23), 0), (timedelta(hours=25), 1)])
def test_a_removal_that_takes_over_a_day_is_counted(world: World, age: timedelta, told: int) -> None:
    world.deploy(FILES)
    world.registry.update(world.environment, lambda newest: removing(newest, Farewell("closed"), NOW - age), event="")

    world.sweep()

    assert world.telemetry.counted.count("RemovalOverdue") == told


def test_the_comparison_of_data_is_asked_for_once_a_day_whatever_becomes_of_it(world: World) -> None:
    world.deploy(FILES_WITH_DATA)
    compared(world, NOW - timedelta(days=1))

    world.sweep()
    world.clock.forward(900)
    world.sweep()
    world.clock.forward(86_400)
    world.sweep()

    assert [kind for kind, _, _ in requests(world)] == ["Data Check Requested", "Data Check Requested"]


def test_an_idle_sweep_asks_the_warehouse_nothing_but_once_a_day(world: World) -> None:
    world.deploy(FILES_WITH_DATA)
    world.sweep()
    asked = world.warehouse.asked
    world.clock.forward(900)
    world.sweep()
    idle = world.warehouse.asked
    world.clock.forward(86_400)

    world.sweep()

    assert (idle, world.warehouse.asked) == (asked, asked + 1)


def test_schemas_that_outlived_their_record_are_asked_to_be_removed(world: World) -> None:
    world.deploy(FILES_WITH_DATA)
    world.sweep()
    world.registry.update(world.environment, lambda newest: replace(newest, status=Status.REMOVED), event="")
    world.close()
    world.bus.published.clear()
    world.dags.objects.clear()
    world.clock.forward(86_400)

    world.sweep()

    ((kind, detail),) = world.bus.published
    assert (kind, detail["data"]["orphan"]) == ("Removal Requested", "feature1")
    assert detail["data"]["schemas"] == ["db_attribution_feature1"]


def test_an_orphan_in_the_bucket_is_asked_to_be_removed_and_what_has_no_marker_is_told(world: World) -> None:
    world.deploy(FILES)
    world.registry.update(world.environment, lambda newest: replace(newest, status=Status.REMOVED), event="")
    world.close()
    world.dags.put_zip("by_hand", b"zip", {}, replaces=None)
    world.dags.put_configuration("by_hand", "d", b"{}", {})
    world.bus.published.clear()

    world.sweep()

    ((_, detail),) = world.bus.published
    assert (detail["data"]["orphan"], detail["pull_number"]) == ("feature1", 1)
    assert world.telemetry.counted.count("LeftAlone") == 1


def test_a_zip_that_somebody_deleted_is_asked_for_again_though_its_folder_stands(world: World) -> None:
    world.deploy(FILES)
    world.registry.update(world.environment, lambda newest: replace(newest, status=Status.READY), event="")
    del world.dags.objects["feature1.zip"]
    world.bus.published.clear()

    world.sweep()

    assert requests(world) == [("Environment Requested", 1, "its zip has gone from the bucket")]


def test_a_place_that_cannot_be_asked_is_told_and_keeps_nothing_else_from_being_done(world: World) -> None:
    world.deploy(FILES)
    world.close()
    world.bus.published.clear()

    def refuse(_known: object) -> dict[str, None]:
        raise TransientUpstreamError("the bucket answered 503")

    world.dags.standing = refuse  # type: ignore[method-assign,assignment] # S3 is down

    with pytest.raises(TransientUpstreamError, match="503"):
        world.sweep()

    assert [kind for kind, _, _ in requests(world)] == ["Removal Requested"]
