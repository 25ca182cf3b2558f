"""Ids of an environment's DAGs, without an Airflow."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dagbranch.runtime.identity import Identity, InvalidDagIdError

_ids = st.from_regex(r"[a-z0-9_-]{1,8}(\.[a-z0-9_-]{1,8}){0,3}", fullmatch=True)


def preview() -> Identity:
    return Identity("feature1", rewrites=True)


@pytest.mark.parametrize(
    ("written", "assigned"),
    [
        ("qu.test_dag", "qu.feature1.test_dag"),
        ("qu.daily.test_dag", "qu.feature1.daily.test_dag"),
        ("test_dag", "feature1.test_dag"),
        # Not ours already: another team may well write such an id, and production has it.
        ("qu.feature1.test_dag", "qu.feature1.feature1.test_dag"),
        ("feature1.test_dag", "feature1.feature1.test_dag"),
    ],
)
def test_the_environment_stands_behind_the_team_or_before_an_id_without_one(written: str, assigned: str) -> None:
    assert preview().assign(written) == assigned


@settings(deadline=None)
@given(_ids)
def test_the_id_that_airflow_asks_for_leads_back_to_the_one_in_the_code(written: str) -> None:
    identity = preview()

    assert identity.written(identity.assign(written)) == written


@settings(deadline=None)
@given(_ids, _ids)
def test_two_ids_never_become_one(first: str, second: str) -> None:
    assume(first != second)

    assert preview().assign(first) != preview().assign(second)


def test_an_id_made_from_a_rewritten_one_is_not_rewritten_again() -> None:
    identity = preview()
    parent = identity.assign("qu.parent")

    assert identity.assign(f"{parent}_child") == "qu.feature1.parent_child"


def test_a_release_lane_keeps_ids_as_they_are() -> None:
    identity = Identity("prod_pipelines", rewrites=False)

    assert identity.assign("qu.test_dag") == "qu.test_dag"
    assert identity.written("qu.test_dag") == "qu.test_dag"


def test_a_canary_stands_behind_the_team_beside_the_ids_that_are_as_they_are() -> None:
    identity = Identity("next", rewrites=True)

    assert identity.assign("qu.test_dag") == "qu.next.test_dag"
    assert identity.assign("test_dag") == "next.test_dag"
    assert identity.written("qu.next.test_dag") == "qu.test_dag"


def test_references_lead_to_the_environments_own_dags_alone() -> None:
    identity = preview()
    identity.assign("qu.own")

    assert identity.follow("qu.own") == "qu.feature1.own"
    assert identity.follow("qu.feature1.own") == "qu.feature1.own"
    assert identity.follow("other.dag") == "other.dag"


def test_an_id_that_airflow_would_refuse_is_told_with_its_length() -> None:
    with pytest.raises(InvalidDagIdError, match="251 characters"):
        preview().assign("qu." + 239 * "x")


def test_an_id_that_no_command_line_can_name_is_told_though_airflow_would_take_it() -> None:
    with pytest.raises(InvalidDagIdError, match="ends in a line break"):
        preview().assign("qu.test_dag\n")


@pytest.mark.parametrize("made", ["{}_child", "child_of_{}", "notify.{}.done"])
def test_a_literal_reference_finds_the_dag_whose_id_was_made_of_another_ones(made: str) -> None:
    identity = preview()
    assigned = identity.assign(made.format(identity.assign("base")))

    assert assigned == made.format("feature1.base")
    assert identity.follow(made.format("base")) == assigned


def test_an_id_with_another_ones_letters_in_a_word_is_its_own() -> None:
    identity = Identity("a", rewrites=True)
    identity.assign("x")

    assert identity.assign("data.xyz") == "data.a.xyz"
