from __future__ import annotations

from collections.abc import Mapping

import pytest

from dagbranch.domain.environments import Status
from dagbranch.domain.overview import BaseChanges
from dagbranch.domain.requests import ArchiveUploaded
from dagbranch.errors import TransientUpstreamError
from tests.fakes.examples import DAG, DATA_FILE, FILES, FILES_WITH_DATA, FIRST, SECOND, a_pull_request
from tests.fakes.github import Commit, Content
from tests.fakes.world import World

PARTED = "c" * 40
WHERE_BASE_FAILS = "asking for this commit fails"


def changes_of(world: World, before: Mapping[str, Content], after: Mapping[str, Content]) -> BaseChanges | None:
    world.github.commits[PARTED] = Commit(before)
    world.github.merge_bases[FIRST] = PARTED
    world.github.open(a_pull_request(), after)
    world.fetch()
    world.package(ArchiveUploaded(next(iter(world.sources.objects)), world.clock()))
    return world.environment.overview.changes


def test_what_a_pull_request_changes_is_noted_by_module_and_output_whatever_is_selected(world: World) -> None:
    before: dict[str, Content] = {**FILES, "dags/old.py": DAG, "dags/words.py": b"X = 1\n"}
    after: dict[str, Content] = {
        **FILES_WITH_DATA,
        "dags/qu/new.py": DAG,
        "dags/qu/main/test_dag.py": DAG + b"import qu.common\n",
    }

    assert changes_of(world, before, after) == BaseChanges(
        added=("dags/qu/new.py",),
        changed=("dags/qu/main/test_dag.py",),
        removed=("dags/old.py",),
        new_outputs=("db_attribution.m_roi",),
    )
    assert world.sources.objects


def test_many_modules_that_are_gone_are_told_as_well(world: World) -> None:
    many: dict[str, Content] = {f"dags/old_{number}.py": DAG + b"# %d" % number for number in range(9)}

    found = changes_of(world, {**FILES, **many}, FILES)

    assert found == BaseChanges(removed=tuple(many))


def test_a_base_whose_file_cannot_be_read_has_changes_and_no_new_outputs(world: World) -> None:
    found = changes_of(world, {**FILES, "dagbranch.yaml": b"version: [1\n"}, {**FILES_WITH_DATA, "dags/b.py": DAG})

    assert found == BaseChanges(added=("dags/b.py",))


def test_of_an_archive_that_the_intake_did_not_make_nobody_knows_what_it_changes(world: World) -> None:
    noted = changes_of(world, FILES, {**FILES, "dags/b.py": DAG})

    world.package(world.upload({**FILES, "dags/c.py": DAG}))

    assert noted is not None
    assert world.environment.overview.changes is None


@pytest.mark.parametrize("base", [None, WHERE_BASE_FAILS])
def test_a_base_that_is_not_there_or_cannot_be_read_keeps_no_deploy(world: World, base: str | None) -> None:
    if base is not None:
        world.github.merge_bases[FIRST] = base
    world.github.open(a_pull_request(), FILES)

    world.fetch()

    assert world.environment.status == Status.REQUESTED
    assert world.environment.overview.changes is None
    assert world.sources.objects


def test_a_fault_of_github_is_left_out_unless_the_selection_wants_the_changes(world: World) -> None:
    def fault(repository: str, base_ref: str, head_sha: str) -> str | None:
        raise TransientUpstreamError(f"GitHub answered 502 about {repository}, {base_ref}, {head_sha}")

    world.github.merge_base = fault  # type: ignore[method-assign] # GitHub is down for this question alone
    world.github.open(a_pull_request(), FILES)
    world.fetch()
    told = world.environment.status
    world.github.open(a_pull_request(head_sha=SECOND), {**FILES, "dagbranch.yaml": b"version: 1\nselect: changed\n"})

    with pytest.raises(TransientUpstreamError):
        world.fetch()

    assert told == Status.REQUESTED


def test_the_changes_of_the_last_commit_are_not_told_of_the_next(world: World) -> None:
    before = changes_of(world, FILES, {**FILES, "dags/b.py": DAG})
    world.github.open(a_pull_request(head_sha=SECOND), {**FILES, "dagbranch.yaml": DATA_FILE})

    world.fetch()

    assert before == BaseChanges(added=("dags/b.py",))
    assert world.environment.head_sha == SECOND
    assert world.environment.overview.changes is None
