from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.environments import Status
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.ownership import marker_of
from dagbranch.domain.policy import Policy
from dagbranch.domain.requests import PullRequestEvent
from dagbranch.domain.source_archive import Limits, read_source_archive, source_digest
from dagbranch.errors import InvalidEventError, NotYetError, SupersededError, TransientUpstreamError
from local.github import File, Link, Submodule
from tests.fakes.buckets import stored
from tests.fakes.examples import (
    FILES,
    FIRST,
    NOW,
    REPOSITORY,
    REPOSITORY_ID,
    SECOND,
    a_pull_request,
    an_environment,
)
from tests.fakes.github import BASE_SHA, Commit, Content
from tests.fakes.wheels import a_wheel, pin, wheel_name
from tests.fakes.world import World, event_about

HOLIDAYS = a_wheel("holidays")
REQUIRING = {
    **FILES,
    "dagbranch.yaml": b"version: 1\nrequirements: requirements.txt\n",
    "requirements.txt": pin("holidays", "1.0", HOLIDAYS).encode(),
}


def archived_files(world: World) -> dict[str, bytes]:
    (stored,) = world.sources.objects.values()
    return read_source_archive(stored.content, Limits())


def test_an_open_pull_request_gets_a_name_and_its_source_archive(world: World) -> None:
    world.github.open(a_pull_request(), {**FILES, "README.md": b"not packaged", "tests/test_x.py": b""})

    world.fetch()

    environment = world.environment
    assert (environment.name, environment.status, environment.generation) == ("feature1", Status.REQUESTED, 1)
    assert environment.delivery == "delivery-1"
    assert archived_files(world) == FILES
    ((key, stored),) = world.sources.objects.items()
    parsed = SourceArchiveKey.parse(key)
    assert (parsed.repository, parsed.pull_number, parsed.head_sha) == (REPOSITORY, 1, FIRST)
    assert parsed.source_digest == source_digest(stored.content)
    assert stored.marker == marker_of(environment)
    assert world.telemetry.keys["environment"] == "feature1"


@pytest.mark.parametrize(
    ("different", "reason"),
    [
        ({"head_repository_id": 99}, "another repository"),
        ({"head_repository_id": None}, "another repository"),
        ({"is_draft": True}, "draft"),
    ],
)
def test_a_fork_and_a_draft_get_nothing_and_the_registry_says_why(
    world: World, different: dict[str, Any], reason: str
) -> None:
    world.github.open(a_pull_request(**different), FILES)

    world.fetch()

    assert world.environment.status == Status.REFUSED
    assert reason in world.environment.message
    assert world.environment.name is None
    assert not world.sources.objects


def test_a_repository_that_is_not_on_the_list_gets_nothing_and_github_is_not_asked(world: World) -> None:
    world.github.down = True

    world.fetch(event_about(repository="acme/other"))

    assert world.environment.status == Status.REFUSED
    assert "AllowedRepositories" in world.environment.message


def test_a_sweeps_request_for_a_repository_that_left_the_list_is_dropped(world: World) -> None:
    world.fetch(replace(event_about(repository="acme/other"), claims=None))

    assert world.registry.get(REPOSITORY_ID, 1) is None


def test_the_list_does_not_mind_the_case_of_a_repository(world: World) -> None:
    world.github.open(a_pull_request(repository="Acme/Pipelines"), FILES)

    world.fetch(event_about(repository="Acme/Pipelines"))

    assert world.environment.status == Status.REQUESTED


def test_a_closed_or_missing_pull_request_gets_nothing(world: World) -> None:
    world.fetch()
    world.github.open(a_pull_request(is_open=False), FILES)
    world.fetch()

    assert world.registry.get(REPOSITORY_ID, 1) is None
    assert not world.sources.objects


def test_a_commit_that_stands_already_is_not_fetched_again(world: World) -> None:
    world.deploy(FILES)
    world.registry.update(world.environment, lambda newest: replace(newest, status=Status.READY), event="")
    world.sources.objects.clear()

    world.fetch()

    assert not world.sources.objects
    assert world.environment.status == Status.READY


def test_a_commit_whose_zip_somebody_deleted_is_fetched_again(world: World) -> None:
    world.deploy(FILES)
    world.registry.update(world.environment, lambda newest: replace(newest, status=Status.READY), event="")
    world.sources.objects.clear()
    del world.dags.objects["feature1.zip"]

    world.fetch()

    assert world.sources.objects
    assert (world.environment.status, world.environment.generation) == (Status.REQUESTED, 2)


def test_the_newest_commit_by_githubs_truth_is_fetched_whatever_the_event_says(world: World) -> None:
    world.github.open(a_pull_request(head_sha=SECOND), FILES)

    world.fetch(event_about(head_sha=FIRST))

    assert world.environment.head_sha == SECOND
    assert SourceArchiveKey.parse(next(iter(world.sources.objects))).head_sha == SECOND


def test_the_same_event_twice_puts_the_same_archive_for_the_same_request(world: World) -> None:
    world.github.open(a_pull_request(), FILES)

    world.fetch()
    world.clock.forward(5)
    world.fetch()

    assert len(world.sources.objects) == 1
    assert (world.environment.generation, world.environment.requested_at) == (1, NOW)


def test_a_new_commit_raises_the_generation_and_keeps_the_name(world: World) -> None:
    world.github.open(a_pull_request(), FILES)
    world.fetch()
    world.github.open(a_pull_request(head_sha=SECOND, head_ref="renamed"), FILES)

    world.fetch()

    assert (world.environment.generation, world.environment.name) == (2, "feature1")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({**FILES, "dagbranch.yaml": b"version: 1\ndag: dags\n"}, "dagbranch.yaml:2"),
        ({**FILES, "dagbranch.yaml": b"version: [1\n"}, "dagbranch.yaml"),
        ({**FILES, "dagbranch.yaml": Link("other.yaml")}, "no regular file"),
        ({**FILES, "dags/secret": Link("/etc/passwd")}, "dags/secret → /etc/passwd leads out"),
        ({**FILES, "dags/vendored": Submodule("a" * 40)}, "submodule dags/vendored"),
        ({**FILES, "dags/a\\b.py": b""}, "not portable"),
        ({**FILES, "dags/model": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n"}, "dags/model"),
    ],
)
def test_what_its_author_can_mend_ends_as_failed_with_the_message_and_is_not_raised(
    world: World, files: dict[str, bytes | Link | Submodule], message: str
) -> None:
    world.github.open(a_pull_request(), files)

    world.fetch()

    assert world.environment.status == Status.FAILED
    assert message in world.environment.message
    assert not world.sources.objects
    ((kind, detail),) = world.bus.beside_reports
    assert (kind, detail["environment"], detail["message"]) == ("Failed", "feature1", world.environment.message)


def test_more_than_the_limits_allow_ends_as_failed(world: World) -> None:
    world.limits = Limits(files=2)
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert world.environment.status == Status.FAILED
    assert "3 files are to be packaged, at most 2" in world.environment.message


def test_the_wheels_of_the_requirements_travel_in_the_archive(world: World) -> None:
    world.github.open(a_pull_request(), REQUIRING)
    world.index.files = {wheel_name("holidays"): HOLIDAYS, wheel_name("unasked"): b""}

    world.fetch()

    assert archived_files(world) == {**REQUIRING, f".dagbranch/wheels/{wheel_name('holidays')}": HOLIDAYS}


def test_the_same_requirements_give_the_same_archive(world: World) -> None:
    world.github.open(a_pull_request(), REQUIRING)
    world.index.files = {wheel_name("holidays"): HOLIDAYS}
    world.fetch()
    world.index.files = {wheel_name("holidays", tag="py2-none-any"): b"", wheel_name("holidays"): HOLIDAYS}
    world.github.open(a_pull_request(head_sha=SECOND), REQUIRING)

    world.fetch()

    assert len({SourceArchiveKey.parse(key).source_digest for key in world.sources.objects}) == 1


def test_no_index_is_asked_about_requirements_with_a_fault(world: World) -> None:
    faulty = {**REQUIRING, "requirements.txt": b"--index-url https://example.com\nholidays\n"}
    world.github.open(a_pull_request(), faulty)

    world.fetch()

    assert world.environment.status == Status.FAILED
    assert "requirements.txt:1: the option --index-url" in world.environment.message
    assert "requirements.txt:2: holidays: without a hash" in world.environment.message
    assert world.index.asked == []


def test_an_index_that_cannot_be_reached_is_asked_again_later(world: World) -> None:
    world.github.open(a_pull_request(), REQUIRING)
    world.index.down = True

    with pytest.raises(TransientUpstreamError):
        world.fetch()

    assert world.environment.status == Status.REQUESTED


def test_a_repository_that_brings_wheels_itself_ends_as_failed(world: World) -> None:
    brought = {"dagbranch.yaml": b"version: 1\ndags: .\n", ".dagbranch/wheels/x-1-py3-none-any.whl": b"", "dag.py": b""}
    world.github.open(a_pull_request(), brought)

    world.fetch()

    assert "where dagbranch puts its own" in world.environment.message


def test_a_failed_commit_is_tried_again_when_it_is_asked_for_again(world: World) -> None:
    world.github.open(a_pull_request(), {"dagbranch.yaml": b"{"})
    world.fetch()
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert (world.environment.status, world.environment.generation) == (Status.REQUESTED, 2)
    assert world.environment.message == ""


def test_files_that_githubs_archive_drops_or_changes_are_taken_from_git(world: World) -> None:
    world.github.open(a_pull_request(), FILES)
    world.github.commits[FIRST] = Commit(
        FILES, archived={"dags/qu/common.py": None, "dags/qu/main/rows.sql": b"changed by export-subst"}
    )

    world.fetch()

    assert archived_files(world) == FILES


def test_a_link_that_stays_inside_is_packaged_as_what_it_points_to(world: World) -> None:
    files: dict[str, Content] = {
        **FILES,
        "dags/link.py": Link("qu/common.py"),
        "dags/all": Link("qu/main"),
        "dags/run": File(b"x"),
    }
    world.github.open(a_pull_request(), files)

    world.fetch()

    kept = archived_files(world)
    assert kept["dags/link.py"] == FILES["dags/qu/common.py"]
    assert kept["dags/all/rows.sql"] == FILES["dags/qu/main/rows.sql"]
    assert kept["dags/run"] == b"x"


def test_a_name_that_another_pull_request_claimed_is_not_used(world: World) -> None:
    other = an_environment(repository_id=5, revision=0, name=None)
    world.registry.claim(other, ["feature1"], event="")
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert world.environment.name == "feature1_1"


@pytest.mark.parametrize("key", ["feature1.zip", "feature1/somebody.py"])
def test_a_name_whose_files_are_somebody_elses_is_not_used(world: World, key: str) -> None:
    world.dags.put_copy("feature1", {"somebody.py": b""}, {}, {"made": "by hand"})
    world.dags.objects[key] = world.dags.objects.pop("feature1/somebody.py")
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert world.environment.name == "feature1_1"
    assert list(world.dags.objects) == [key]


def test_a_name_whose_job_code_is_somebody_elses_is_not_used(world: World) -> None:
    world.artifacts.objects["artifacts/feature1/old/main.py"] = stored(b"", {"made": "by hand"})
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert world.environment.name == "feature1_1"


def test_where_no_name_is_free_the_registry_says_so(world: World) -> None:
    world.github.open(a_pull_request(), FILES)
    world.fetch()
    taken = {world.environment.name, "feature1_1"}
    world.registry = type(world.registry)()
    for number, name in enumerate([*taken, "feature1_1_" + hash_of(REPOSITORY)], start=10):
        world.registry.claim(an_environment(pull_number=number, revision=0, name=None), [str(name)], event="")
    world.sources.objects.clear()

    world.fetch()

    assert world.environment.status == Status.REFUSED
    assert "no name is free" in world.environment.message
    assert not world.sources.objects


def hash_of(repository: str) -> str:
    return source_digest(repository.encode())[:6]


def test_an_environment_that_is_being_removed_is_waited_for(world: World) -> None:
    world.registry.save(an_environment(status=Status.REMOVING, revision=0), event="")
    world.github.open(a_pull_request(), FILES)

    with pytest.raises(NotYetError):
        world.fetch()


def test_a_reopened_pull_request_begins_anew(world: World) -> None:
    removed = an_environment(status=Status.REMOVED, revision=0, generation=3, receipt={"dag_ids": []})
    world.registry.save(removed, event="")
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert (world.environment.status, world.environment.generation) == (Status.REQUESTED, 4)
    assert world.environment.receipt == {}


def test_an_environment_that_stands_survives_its_pull_request_becoming_a_draft(world: World) -> None:
    world.github.open(a_pull_request(), FILES)
    world.fetch()
    world.github.open(a_pull_request(is_draft=True, head_sha=SECOND), FILES)

    world.fetch()

    assert (world.environment.status, world.environment.head_sha) == (Status.REQUESTED, SECOND)


def test_a_fault_of_github_that_passes_is_raised_for_the_queue(world: World) -> None:
    world.github.open(a_pull_request(), FILES)
    world.github.down = True

    with pytest.raises(TransientUpstreamError):
        world.fetch()


def test_what_github_refuses_for_good_ends_as_failed(world: World) -> None:
    world.github.open(a_pull_request(), FILES)
    world.github.commits.clear()

    world.fetch()

    assert world.environment.status == Status.FAILED
    assert "no commit" in world.environment.message


def test_an_event_that_names_another_repository_than_github_does_is_dropped(world: World) -> None:
    world.github.open(a_pull_request(), FILES)

    with pytest.raises(InvalidEventError, match="not 4712"):
        world.fetch(event_about(repository_id=4712))

    assert list(world.registry.all("preview")) == []


# What the pull request changes

CHANGED = {"dagbranch.yaml": b"version: 1\nselect: changed\n"}


def fetch_changed(world: World, before: Mapping[str, Content], after: Mapping[str, Content]) -> tuple[str, ...] | None:
    """What the registry knows of the changes when the archive is there."""
    world.github.commits[BASE_SHA] = Commit({**CHANGED, **before})
    world.github.merge_bases[FIRST] = BASE_SHA
    world.github.open(a_pull_request(), {**CHANGED, **after})
    world.fetch()
    (key,) = world.sources.objects
    return world.environment.changed_in(SourceArchiveKey.parse(key).source_digest)


def test_the_packaged_paths_that_a_pull_request_changes_are_noted(world: World) -> None:
    before: dict[str, Content] = {**FILES, "dags/gone.py": b"1", "dags/run": File(b"x"), "README.md": b"1"}
    after: dict[str, Content] = {
        **FILES,
        "dags/qu/common.py": b"LIMIT = 2\n",
        "dags/new.sql": b"1",
        "dags/run": File(b"x", executable=True),
        "README.md": b"2",
    }

    assert fetch_changed(world, before, after) == ("dags/gone.py", "dags/new.sql", "dags/qu/common.py", "dags/run")


def test_a_renamed_file_is_gone_from_one_path_and_new_at_another(world: World) -> None:
    assert fetch_changed(world, {**FILES, "dags/a.py": b"a"}, {**FILES, "dags/b.py": b"a"}) == (
        "dags/a.py",
        "dags/b.py",
    )


def test_what_a_link_stands_for_changes_with_its_target(world: World) -> None:
    link: dict[str, Content] = {**FILES, "dags/lib": Link("../shared")}

    found = fetch_changed(
        world, {**link, "shared/x.py": b"1", "shared/y.py": b"1"}, {**link, "shared/x.py": b"2", "shared/y.py": b"1"}
    )

    assert found == ("dags/lib/x.py",)


def test_a_link_that_another_pull_request_had_leaves_the_changes_unknown(world: World) -> None:
    before: dict[str, Content] = {**FILES, "dags/lib": Link("../old"), "old/x.py": b"1", "shared/x.py": b"1"}

    assert fetch_changed(world, before, {**FILES, "dags/lib": Link("../shared"), "shared/x.py": b"1"}) is None


def test_more_changes_than_a_record_can_hold_are_unknown(world: World) -> None:
    many: dict[str, Content] = {f"dags/{number}.sql": b"" for number in range(1001)}

    assert fetch_changed(world, FILES, {**FILES, **many}) is None
    assert world.environment.status == Status.REQUESTED


def test_without_a_commit_in_common_the_changes_are_unknown(world: World) -> None:
    world.github.open(a_pull_request(), {**FILES, **CHANGED})

    world.fetch()

    assert world.sources.objects
    assert world.environment.changed_paths is None


@pytest.mark.parametrize("settings", [b"version: 1\n", b"version: 1\nselect: all\n", b"version: 1\nselect: [qu/*]\n"])
def test_a_selection_that_does_not_depend_on_the_changes_does_without_the_base(world: World, settings: bytes) -> None:
    world.github.merge_bases[FIRST] = "asking for this commit fails"
    world.github.open(a_pull_request(), {**FILES, "dagbranch.yaml": settings})

    world.fetch()

    assert world.sources.objects
    assert world.environment.status == Status.REQUESTED


def test_the_changes_of_the_last_commit_are_not_those_of_the_next(world: World) -> None:
    fetch_changed(world, FILES, {**FILES, "dags/new.sql": b"1"})
    world.github.open(a_pull_request(head_sha=SECOND), {**CHANGED, **FILES, "dags/new.sql": b"1"})

    world.fetch()

    assert world.environment.head_sha == SECOND
    assert world.environment.changed_paths is None


# What the default branch demands

MASKING = b"""\
version: 1
data:
  source_suffix: _test
  grants: {readers: [analysts]}
  schemas:
    db_attribution:
      read: [m_customers]
      mask: {m_customers: {Email: hash}}
"""
UNMASKED = MASKING.replace(b"{Email: hash}", b"{}").replace(b"[analysts]", b"[everybody]")
GUARD = DataGuard(suffix="_test", masks={"db_attribution": {"m_customers": {"email": "hash"}}}, readers=("analysts",))


def on_main(world: World, content: Content | None) -> None:
    world.github.commits[BASE_SHA] = Commit({} if content is None else {"dagbranch.yaml": content})


def test_what_the_default_branch_demands_is_kept_whatever_the_pull_request_makes_of_the_file(world: World) -> None:
    on_main(world, MASKING)
    world.github.open(a_pull_request(), {**FILES, "dagbranch.yaml": UNMASKED})

    world.fetch()

    assert world.environment.guard == GUARD
    assert world.sources.objects


def test_the_branch_that_counts_is_the_default_one_not_the_one_that_is_merged_into(world: World) -> None:
    on_main(world, MASKING + b"previews: {bases: [release]}\n")
    world.github.branches["refs/heads/release"] = SECOND
    world.github.commits[SECOND] = Commit({"dagbranch.yaml": UNMASKED})
    world.github.open(a_pull_request(base_ref="release"), FILES)

    world.fetch()

    assert world.environment.guard == GUARD


def test_a_tag_that_is_called_like_the_default_branch_demands_nothing(world: World) -> None:
    on_main(world, MASKING)
    world.github.branches["main"] = SECOND
    world.github.commits[SECOND] = Commit({"dagbranch.yaml": UNMASKED})
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert world.environment.guard == GUARD


def test_where_the_default_branch_has_no_file_it_demands_nothing(world: World) -> None:
    on_main(world, None)
    world.github.open(a_pull_request(), {**FILES, "dagbranch.yaml": MASKING})

    world.fetch()

    assert world.environment.guard == DataGuard()


def test_the_guard_stands_in_the_registry_before_any_archive_can_be_accepted(world: World) -> None:
    on_main(world, MASKING)
    world.github.open(a_pull_request(), REQUIRING)
    world.index.down = True

    with pytest.raises(TransientUpstreamError):
        world.fetch()

    assert (world.environment.status, world.environment.guard) == (Status.REQUESTED, GUARD)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version: 1\ndags: dags\nmasks: {}\n", "on the default branch main: dagbranch.yaml:3: "),
        (b"version: [1\n", "on the default branch main: dagbranch.yaml"),
        (Link("other.yaml"), "on the default branch main: dagbranch.yaml is no regular file"),
    ],
)
def test_a_file_on_the_default_branch_that_cannot_be_read_fails_the_environment(
    world: World, content: Content, message: str
) -> None:
    on_main(world, content)
    world.github.open(a_pull_request(), {**FILES, "dagbranch.yaml": MASKING})

    world.fetch()

    assert world.environment.status == Status.FAILED
    assert world.environment.message.startswith(message)
    assert world.environment.guard is None
    assert not world.sources.objects
    assert world.bus.kinds == ["Report Requested", "Failed"]


def test_a_default_branch_that_was_mended_lets_the_next_request_through(world: World) -> None:
    on_main(world, b"version: [1\n")
    world.github.open(a_pull_request(), FILES)
    world.fetch()
    on_main(world, MASKING)

    world.fetch()

    assert (world.environment.status, world.environment.guard) == (Status.REQUESTED, GUARD)
    assert world.sources.objects


def test_a_default_branch_that_is_gone_is_no_default_branch_without_a_file(world: World) -> None:
    world.github.branches.clear()
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert world.environment.status == Status.FAILED
    assert "on the default branch main" in world.environment.message


def test_a_request_that_goes_on_keeps_what_it_was_told_and_a_new_commit_asks_again(world: World) -> None:
    on_main(world, MASKING)
    world.github.open(a_pull_request(), FILES)
    world.fetch()
    on_main(world, None)

    world.fetch()
    after_the_same_event = world.environment.guard
    world.github.open(a_pull_request(head_sha=SECOND), FILES)
    world.fetch()

    assert after_the_same_event == GUARD
    assert world.environment.guard == DataGuard()


# What becomes of branches


def closed_and_removed(world: World) -> None:
    world.close()
    world.remove_until_done()


def test_a_branch_that_was_renamed_keeps_the_name_that_was_claimed(world: World) -> None:
    world.deploy(FILES)
    world.github.open(a_pull_request(head_sha=SECOND, head_ref="renamed"), FILES)

    world.fetch()

    assert (world.environment.name, world.environment.head_sha) == ("feature1", SECOND)


def test_a_force_push_back_to_an_older_commit_is_the_newest_request(world: World) -> None:
    world.deploy(FILES)
    newer = world.deploy({**FILES, "dags/new.sql": b"1"}, SECOND)
    world.clock.forward(60)
    world.deploy(FILES, FIRST)

    with pytest.raises(SupersededError):
        world.package(newer)

    assert (world.environment.head_sha, world.environment.generation) == (FIRST, 3)
    assert "feature1/new.sql" not in world.dags.objects


def test_another_base_branch_is_no_other_commit(world: World) -> None:
    world.deploy(FILES)
    world.registry.update(world.environment, lambda newest: replace(newest, status=Status.READY), event="")
    world.github.open(a_pull_request(base_ref="release"), FILES)

    world.fetch()

    assert (world.environment.status, world.environment.generation) == (Status.READY, 1)


def test_a_branch_made_again_by_another_pull_request_gets_a_name_of_its_own_while_the_first_is_removed(
    world: World,
) -> None:
    world.deploy(FILES)
    world.close()
    with pytest.raises(NotYetError):
        world.remove()
    world.github.open(a_pull_request(number=2, head_sha=SECOND), FILES)

    world.fetch(event_about(number=2, head_sha=SECOND))

    second = world.registry.get(REPOSITORY_ID, 2)
    assert second is not None
    assert (second.name, second.status) == ("feature1_2", Status.REQUESTED)
    assert world.environment.name == "feature1"


def test_a_branch_made_again_after_the_first_is_gone_gets_the_name_that_is_free(world: World) -> None:
    world.deploy(FILES)
    closed_and_removed(world)
    world.github.open(a_pull_request(number=2, head_sha=SECOND), FILES)

    world.fetch(event_about(number=2, head_sha=SECOND))

    second = world.registry.get(REPOSITORY_ID, 2)
    assert second is not None
    assert second.name == "feature1"


def test_a_pull_request_that_is_reopened_at_the_same_commit_is_deployed_again(world: World) -> None:
    world.deploy(FILES)
    closed_and_removed(world)
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert (world.environment.status, world.environment.name) == (Status.REQUESTED, "feature1")
    assert world.sources.objects


# Expiry


def expired(world: World) -> None:
    world.deploy(FILES)
    world.policy = Policy(expire_after=timedelta(days=14), keep_label="keep-environment")
    world.clock.forward(15 * 86_400)
    world.remove_until_done()
    assert (world.environment.status, world.environment.dismissed) == (Status.REMOVED, FIRST)


def test_what_expired_is_not_deployed_again_by_itself(world: World) -> None:
    expired(world)

    world.fetch()

    assert world.environment.status == Status.REMOVED
    assert not world.sources.objects


@pytest.mark.parametrize("different", [{"head_sha": SECOND}, {"labels": frozenset({"keep-environment"})}])
def test_a_new_commit_or_the_keep_label_asks_anew_for_what_expired(world: World, different: dict[str, Any]) -> None:
    expired(world)
    world.github.open(a_pull_request(**different), FILES)

    world.fetch()

    assert world.environment.status == Status.REQUESTED
    assert world.sources.objects


def test_what_expired_and_was_closed_begins_anew_when_it_is_reopened(world: World) -> None:
    expired(world)
    world.close()
    world.remove()
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert world.environment.status == Status.REQUESTED


# The line


def test_who_finds_the_server_full_waits_and_is_told_the_place(world: World) -> None:
    world.deploy(FILES)
    world.policy = Policy(most_environments=1)
    world.bus.published.clear()
    world.sources.objects.clear()
    for number in (2, 3):
        world.github.open(a_pull_request(number=number, head_ref=f"feature{number}"), FILES)
        world.fetch(event_about(number=number))

    waits = world.registry.get(REPOSITORY_ID, 3)
    assert waits is not None
    assert (waits.status, waits.place, waits.name) == (Status.WAITING, 2, None)
    assert not world.sources.objects
    assert [(kind, detail["data"]["place"]) for kind, detail in world.bus.published] == [("Waiting", 1), ("Waiting", 2)]
    assert world.bus.published[1][1]["message"].endswith("place 2 in the line")


def test_what_stands_gets_its_new_commits_however_full_the_server_is(world: World) -> None:
    world.deploy(FILES)
    world.policy = Policy(most_environments=1)
    world.github.open(a_pull_request(head_sha=SECOND), FILES)

    world.fetch()

    assert (world.environment.status, world.environment.head_sha) == (Status.REQUESTED, SECOND)


def test_only_one_is_let_in_at_a_time(world: World) -> None:
    world.policy = Policy(most_environments=1)
    world.github.open(a_pull_request(), FILES)
    with world.leases.held("admission to preview", 15), pytest.raises(NotYetError):
        world.fetch()

    world.fetch()

    assert world.environment.status == Status.REQUESTED


def test_a_paused_intake_lets_nobody_in_and_leaves_what_stands_as_it_is(world: World) -> None:
    world.deploy(FILES)
    world.policy = Policy(is_paused=True)
    world.github.open(a_pull_request(head_sha=SECOND), FILES)
    world.github.open(a_pull_request(number=2, head_ref="feature2"), FILES)

    world.fetch()
    world.fetch(event_about(number=2))

    second = world.registry.get(REPOSITORY_ID, 2)
    assert second is not None
    assert (second.status, world.environment.head_sha) == (Status.WAITING, FIRST)
    assert "paused" in second.message


def test_one_that_waits_and_becomes_a_draft_leaves_the_line(world: World) -> None:
    world.policy = Policy(is_paused=True)
    world.github.open(a_pull_request(), FILES)
    world.fetch()
    world.github.open(a_pull_request(is_draft=True), FILES)

    world.fetch()

    assert (world.environment.status, world.environment.place) == (Status.REFUSED, None)


def test_a_refusal_that_is_on_record_is_no_news(world: World) -> None:
    world.github.open(a_pull_request(is_draft=True), FILES)
    world.fetch()
    before = list(world.registry.history)

    world.fetch()

    assert world.registry.history == before


# Who gets one


def says(world: World, previews: str) -> None:
    """The default branch's file."""
    on_main(world, f"version: 1\npreviews: {{{previews}}}\n".encode())


def stands(world: World, **different: Any) -> None:
    world.deploy(FILES)
    world.registry.update(world.environment, lambda newest: replace(newest, status=Status.READY, **different), event="")
    world.bus.published.clear()
    world.sources.objects.clear()


def test_what_the_default_branch_says_counts_and_not_what_the_pull_request_says_of_itself(world: World) -> None:
    says(world, "label: preview")
    world.github.open(a_pull_request(), {**FILES, "dagbranch.yaml": b"version: 1\npreviews: {label: feature}\n"})

    world.fetch()

    assert world.environment.status == Status.REFUSED
    assert world.environment.message == "only pull requests with the label 'preview' get an environment"
    assert world.bus.kinds == ["Report Requested"]


@pytest.mark.parametrize(
    ("previews", "different"),
    [
        ("label: preview", {}),
        ("except_label: big", {"labels": frozenset({"big"})}),
        ("bases: [main]", {"base_ref": "release"}),
    ],
    ids=["the label was taken away", "another was added", "it was retargeted"],
)
def test_what_stands_and_may_not_any_more_is_to_be_removed(
    world: World, previews: str, different: dict[str, Any]
) -> None:
    stands(world)
    says(world, previews)
    world.github.open(a_pull_request(**different), FILES)

    world.fetch()
    world.fetch()

    assert world.environment.status == Status.READY
    assert world.environment.unwanted
    assert world.bus.kinds == ["Removal Requested", "Report Requested"] * 2
    assert sum(line.startswith("unwanted") for line in world.registry.history) == 1


def test_what_may_again_before_its_removal_began_stays(world: World) -> None:
    stands(world)
    says(world, "label: preview")
    world.fetch()
    world.github.open(a_pull_request(labels=frozenset({"preview"})), FILES)

    world.fetch()

    assert (world.environment.status, world.environment.unwanted) == (Status.READY, "")
    assert not world.sources.objects


def test_what_may_again_after_its_removal_is_made_anew(world: World) -> None:
    stands(world)
    says(world, "label: preview")
    world.fetch()
    world.remove_until_done()
    world.fetch()
    refused = world.environment
    world.github.open(a_pull_request(labels=frozenset({"preview"})), FILES)

    world.fetch()

    assert (refused.status, refused.message[:5]) == (Status.REFUSED, "only ")
    assert (world.environment.status, world.environment.unwanted) == (Status.REQUESTED, "")


def test_one_that_gets_nothing_waits_until_what_it_had_is_removed(world: World) -> None:
    world.registry.save(an_environment(status=Status.REMOVING, revision=0), event="")
    says(world, "label: preview")
    world.github.open(a_pull_request(head_sha=SECOND), FILES)

    with pytest.raises(NotYetError):
        world.fetch()


def test_a_change_of_no_pipeline_gets_none_and_is_told_so_for_each_commit(world: World) -> None:
    world.github.commits[BASE_SHA] = Commit(FILES)
    world.github.open(a_pull_request(), {**FILES, "README.md": b"1"})
    world.fetch()
    world.github.open(a_pull_request(head_sha=SECOND), {**FILES, "README.md": b"2"})

    world.fetch()

    assert (world.environment.status, world.environment.head_sha) == (Status.REFUSED, SECOND)
    assert world.environment.message == "the pull request changes no pipeline: nothing in dags/, dagbranch.yaml"
    assert world.bus.kinds == ["Report Requested"] * 2


def test_a_push_that_takes_the_last_change_of_a_pipeline_back_has_the_environment_removed(world: World) -> None:
    stands(world)
    world.github.commits[BASE_SHA] = Commit(FILES)
    world.github.open(a_pull_request(head_sha=SECOND), {**FILES, "README.md": b"1"})

    world.fetch()

    assert world.environment.unwanted.startswith("the pull request changes no pipeline")
    assert "Removal Requested" in world.bus.kinds


def test_where_github_does_not_list_all_changes_the_commit_is_deployed(world: World) -> None:
    world.github.commits[BASE_SHA] = Commit(FILES)
    world.github.most_listed_files = 0
    world.github.open(a_pull_request(), {**FILES, "README.md": b"1"})

    world.fetch()

    assert world.environment.status == Status.REQUESTED


def test_a_change_of_what_a_link_in_the_packaged_folder_stands_for_is_one_of_a_pipeline(world: World) -> None:
    before: dict[str, Content] = {**FILES, "dags/lib": Link("../shared"), "shared/x.py": b"1"}
    world.github.commits[BASE_SHA] = Commit(before)
    world.github.open(a_pull_request(), {**before, "shared/x.py": b"2"})

    world.fetch()

    assert world.environment.status == Status.REQUESTED


def test_a_commit_that_was_looked_at_once_costs_no_second_look_at_its_changes(world: World) -> None:
    stands(world)
    world.github.commits[BASE_SHA] = Commit(FILES)

    world.fetch()

    assert (world.environment.status, world.environment.unwanted) == (Status.READY, "")


def test_a_draft_is_refused_also_where_nobody_can_read_the_default_branchs_file(world: World) -> None:
    on_main(world, b"version: [1\n")
    world.github.open(a_pull_request(is_draft=True), FILES)

    world.fetch()

    assert (world.environment.status, "draft" in world.environment.message) == (Status.REFUSED, True)


# Installations


def test_an_event_of_another_installation_than_the_repositorys_is_refused(world: World) -> None:
    world.github.open(a_pull_request(), FILES)
    world.github.installations = {REPOSITORY: 5}

    with pytest.raises(InvalidEventError, match="installation 6"):
        world.fetch(replace(event_about(), installation_id=6))

    assert list(world.registry.all("preview")) == []


@pytest.mark.parametrize(("told", "own"), [(5, 5), (5, None), (None, 5)])
def test_an_installation_that_fits_or_that_nobody_tells_is_none_to_refuse(
    world: World, told: int | None, own: int | None
) -> None:
    world.github.open(a_pull_request(), FILES)
    world.github.installations = {} if own is None else {REPOSITORY: own}

    world.fetch(replace(event_about(), installation_id=told))

    assert world.environment.status == Status.REQUESTED


# Pushes that follow each other


def a_push(world: World, head_sha: str, delivery: str) -> PullRequestEvent:
    world.github.open(a_pull_request(head_sha=head_sha), {**FILES, "dags/new.sql": head_sha.encode()})
    return replace(event_about(head_sha=head_sha), pushed_at=world.clock(), delivery=delivery)


def test_pushes_within_the_time_to_settle_are_one_deploy_of_the_last(world: World) -> None:
    world.push_settle = timedelta(seconds=20)
    first = a_push(world, FIRST, "d-1")
    world.clock.forward(15)
    second = a_push(world, SECOND, "d-2")
    with pytest.raises(NotYetError) as error:
        world.fetch(first)
    world.clock.forward(error.value.retry_seconds)

    world.fetch(first)
    world.sources.objects.clear()
    world.clock.forward(15)
    world.fetch(second)

    assert error.value.retry_seconds == 5
    assert (world.environment.head_sha, world.environment.generation) == (SECOND, 1)
    assert not world.sources.objects


def test_the_message_that_asked_for_a_commit_puts_its_archive_also_when_it_comes_again(world: World) -> None:
    push = a_push(world, FIRST, "d-1")
    world.fetch(push)
    world.sources.objects.clear()

    world.fetch(push)

    assert world.sources.objects


def test_what_is_no_push_does_not_wait(world: World) -> None:
    world.push_settle = timedelta(seconds=20)
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert world.environment.status == Status.REQUESTED


def test_a_label_on_a_commit_that_failed_is_no_reason_to_try_it_again(world: World) -> None:
    world.github.open(a_pull_request(), {"dagbranch.yaml": b"{"})
    world.fetch()

    world.fetch(replace(event_about(), delivery="of the label"))

    assert (world.environment.status, world.environment.generation) == (Status.FAILED, 1)


# Archives that a workflow uploads


def test_where_a_workflow_uploads_the_archive_of_a_pull_request_it_is_waited_for_and_taken(world: World) -> None:
    files = {**FILES, "dagbranch.yaml": b"version: 1\narchive: uploaded\n"}
    world.github.open(a_pull_request(), files)

    world.fetch()
    waits = world.environment
    upload = world.upload({**files, "dags/qu/generated.py": b"from airflow import DAG\n\nDAG('qu.generated')\n"})
    world.provision(upload)
    world.package(upload)

    assert (waits.status, waits.takes_uploads, waits.name) == (Status.REQUESTED, True, "feature1")
    assert world.environment.halves_agree
    assert "feature1/qu/generated.py" in world.dags.objects


def test_a_preview_takes_every_upload_of_its_commit_and_the_newest_stands(world: World) -> None:
    files = {**FILES, "dagbranch.yaml": b"version: 1\narchive: uploaded\n"}
    world.github.open(a_pull_request(), files)
    world.fetch()

    for text in (b"LIMIT = 1\n", b"LIMIT = 2\n"):
        upload = world.upload({**files, "dags/qu/common.py": text})
        world.provision(upload)
        world.package(upload)

    assert world.dags.objects["feature1/qu/common.py"].content == b"LIMIT = 2\n"
    assert world.environment.halves_agree


def test_a_commit_that_dagbranch_makes_the_archive_of_again_waits_for_no_upload(world: World) -> None:
    world.github.open(a_pull_request(), {**FILES, "dagbranch.yaml": b"version: 1\narchive: uploaded\n"})
    world.fetch()
    world.github.open(a_pull_request(head_sha=SECOND), FILES)

    world.fetch()

    assert not world.environment.takes_uploads
    assert archived_files(world) == FILES
