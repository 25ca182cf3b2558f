from __future__ import annotations

from typing import Any

import pytest

from dagbranch.domain.eligibility import asks_for_paths, is_turned_away, reason_of_paths, reason_to_skip
from dagbranch.domain.environments import PullRequest, Status
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.specification import PipelineFile
from tests.fakes.examples import FIRST, SECOND, a_pull_request, an_environment

NOTHING_SAID = PipelineFile(version=1)


def previews(text: str) -> PipelineFile:
    return parse_pipeline_file(f"version: 1\npreviews: {{{text}}}\n".encode())


def a_fork(**different: Any) -> PullRequest:
    return a_pull_request(head_repository_id=99, **different)


def reason(pull: PullRequest, said: PipelineFile | None = NOTHING_SAID, **record: Any) -> str:
    existing = an_environment(**record) if record else None
    return reason_to_skip(pull, existing, said) or ""


# Forks


@pytest.mark.parametrize("head_repository_id", [99, None])
def test_a_fork_gets_nothing_until_its_very_commit_is_approved(head_repository_id: int | None) -> None:
    fork = a_pull_request(head_repository_id=head_repository_id)

    assert reason(fork).endswith(f"/dagbranch deploy {FIRST}")
    assert reason(fork, approved=FIRST) == ""
    assert f"/dagbranch deploy {FIRST}" in reason(fork, approved=SECOND, status=Status.READY)


def test_an_approval_that_comes_with_the_event_counts_without_a_record() -> None:
    assert reason_to_skip(a_fork(), None, NOTHING_SAID, {FIRST}) is None
    assert reason_to_skip(a_fork(), None, NOTHING_SAID, {SECOND, None}) is not None


def test_an_approved_commit_needs_no_label_nor_base() -> None:
    assert reason(a_fork(is_draft=True, base_ref="x"), previews("label: preview"), approved=FIRST) == ""
    assert not asks_for_paths(a_fork(), None, NOTHING_SAID)


# Drafts, labels, bases


@pytest.mark.parametrize("said", [NOTHING_SAID, None])
def test_a_draft_gets_nothing_unless_its_environment_stands(said: PipelineFile | None) -> None:
    draft = a_pull_request(is_draft=True)

    assert "draft" in reason(draft, said)
    assert "draft" in reason(draft, said, status=Status.REMOVED)
    assert reason(draft, said, status=Status.READY) == ""


def test_drafts_get_one_where_the_default_branch_says_so() -> None:
    assert reason(a_pull_request(is_draft=True), previews("drafts: true")) == ""


@pytest.mark.parametrize(
    ("said", "labels", "told"),
    [
        ("label: preview", {"Preview", "bug"}, ""),
        ("label: preview", {"bug"}, "only pull requests with the label 'preview'"),
        ("except_label: no-preview", {"bug"}, ""),
        ("except_label: no-preview", {"No-Preview"}, "the label 'no-preview' keeps"),
        ("label: preview, except_label: no-preview", {"preview", "no-preview"}, "the label 'no-preview' keeps"),
    ],
)
def test_labels_ask_for_an_environment_or_keep_it_away(said: str, labels: set[str], told: str) -> None:
    found = reason(a_pull_request(labels=frozenset(labels)), previews(said), status=Status.READY)

    assert found.startswith(told)
    assert bool(found) == bool(told)


@pytest.mark.parametrize(
    ("said", "base_ref", "gets_one"),
    [
        ("", "main", True),
        ("", "release", False),
        ("bases: [main, 'feature/*']", "feature/a/b", True),
        ("bases: [main, 'feature/*']", "main", True),
        ("bases: ['feature/*']", "main", False),
        ("bases: all", "anything", True),
    ],
)
def test_the_base_branches_are_the_default_one_or_those_that_are_listed(
    said: str,
    base_ref: str,
    gets_one: bool,  # noqa: FBT001 # a row of the table
) -> None:
    assert (reason(a_pull_request(base_ref=base_ref), previews(said)) == "") == gets_one


def test_without_a_file_that_can_be_read_nobody_else_is_turned_away() -> None:
    assert reason(a_pull_request(base_ref="release"), None) == ""


# Paths


PACKAGING = parse_pipeline_file(
    b"version: 1\ndags: src/dags\nrequirements: env/requirements.txt\nartifacts: {jobs: spark}\n"
)


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("src/dags/qu/a.sql", True),
        ("spark/jobs/main.py", True),
        ("env/requirements.txt", True),
        ("dagbranch.yaml", True),
        ("env/notes.txt", False),
        ("README.md", False),
        ("src/dagsx/a.py", False),
    ],
)
def test_by_default_what_is_packaged_counts(path: str, counts: bool) -> None:  # noqa: FBT001 # a row of the table
    assert (reason_of_paths({path, "LICENSE"}, PACKAGING) is None) == counts


def test_the_reason_names_what_counts() -> None:
    assert reason_of_paths({"LICENSE"}, PACKAGING) == (
        "the pull request changes no pipeline: nothing in src/dags/, spark/, env/requirements.txt, dagbranch.yaml"
    )
    many = previews(f"paths: [{', '.join(f'{number}/*' for number in range(8))}]")
    assert (reason_of_paths({"LICENSE"}, many) or "").endswith("0/*, 1/*, 2/*, 3/*, 4/*, 3 more")


def test_paths_that_are_named_count_alone() -> None:
    said = previews("paths: ['sql/*.sql', Makefile]")

    assert reason_of_paths({"sql/a/b.sql"}, said) is None
    assert reason_of_paths({"Makefile"}, said) is None
    assert reason_of_paths({"dags/a.py", "sql/a.txt"}, said) is not None


def test_what_nobody_knows_may_be_a_pipeline() -> None:
    assert reason_of_paths(None, PACKAGING) is None
    assert reason_of_paths({"LICENSE"}, PACKAGING, None) is None


def test_what_is_packaged_by_a_link_counts_where_it_lies() -> None:
    assert reason_of_paths({"shared/x.py"}, PACKAGING, {"shared"}) is None
    assert reason_of_paths({"shared.py"}, PACKAGING, {"shared.py"}) is None
    assert reason_of_paths({"shared2/x.py"}, PACKAGING, {"shared"}) is not None


def test_paths_are_asked_for_of_each_new_commit_and_of_what_is_unwanted() -> None:
    pull = a_pull_request()

    assert asks_for_paths(pull, None, NOTHING_SAID)
    assert asks_for_paths(pull, an_environment(status=Status.REFUSED), NOTHING_SAID)
    assert asks_for_paths(pull, an_environment(head_sha=SECOND), NOTHING_SAID)
    assert asks_for_paths(pull, an_environment(unwanted="no pipeline"), NOTHING_SAID)
    assert not asks_for_paths(pull, an_environment(), NOTHING_SAID)
    assert not asks_for_paths(pull, None, previews("paths: all"))


# What is on record


def test_one_is_turned_away_where_the_record_says_so_of_this_very_commit() -> None:
    said = previews("label: preview")
    refused = an_environment(status=Status.REFUSED, message=reason(a_pull_request(), said))

    assert is_turned_away(refused, a_pull_request(), said)
    assert is_turned_away(refused, a_pull_request(), None)
    assert not is_turned_away(refused, a_pull_request(head_sha=SECOND), said)
    assert not is_turned_away(refused, a_pull_request(), previews("label: another"))
    assert not is_turned_away(refused, a_pull_request(labels=frozenset({"preview"})), said)
    assert not is_turned_away(an_environment(status=Status.REMOVED, message=refused.message), a_pull_request(), said)
