from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.lane_strictness import less_strict
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.strict_yaml import describe_faults, read_strict_yaml


def warnings(lanes: str) -> list[str]:
    """Each as ``line: key: text``."""
    text = f"version: 1\nlanes:\n{lanes}".encode()
    found = less_strict(parse_pipeline_file(text), read_strict_yaml(text, PIPELINE_FILE))
    return [line.removeprefix(f"{PIPELINE_FILE}:") for line in describe_faults(found, PIPELINE_FILE).splitlines()]


def stage_and_prod(stage: str, prod: str) -> list[str]:
    return warnings(f"  stage: {{{stage}}}\n  prod: {{{prod}}}\n")


@pytest.mark.parametrize(
    ("stage", "prod", "warning"),
    [
        ("retries: 3", "retries: 1", "4: lanes.prod.retries: 1 is fewer than the 3 of stage"),
        ("retries: 3", "retries: 0", "4: lanes.prod.retries: 0 is fewer than the 3 of stage"),
        ("retries: 3", "", "4: lanes.prod.retries: left to the DAGs' code, and stage has 3"),
        ('alerts: "#data"', "", "4: lanes.prod.alerts: nobody is told of a failure here, and in stage somebody is"),
        ('alerts: "#data"', 'alerts: ""', "4: lanes.prod.alerts: nobody is told"),
        ("", "schedules: false", "4: lanes.prod.schedules: nothing runs by its schedule here, and in stage it does"),
        (
            "retries: 3",
            "retries: 3, as_written: true",
            "4: lanes.prod.retries: left to the DAGs' code, and stage has 3",
        ),
        ("", "emails: false", "4: lanes.prod.emails: tasks send none when they fail"),
        ("src_conn: a", "", "4: lanes.prod.src_conn: missing, and stage has it"),
        ("cluster: a", "team: b", "4: lanes.prod.cluster: missing, and stage has it"),
    ],
)
def test_what_prod_has_less_of_than_stage_is_told_with_key_and_line(stage: str, prod: str, warning: str) -> None:
    (told,) = stage_and_prod(stage, prod)

    assert told.startswith(warning)


@pytest.mark.parametrize(
    ("stage", "prod", "warning"),
    [
        ("soak: 2h", "soak: 30m", "promotion.soak: 30m is shorter than the 2h of stage"),
        ("soak: 2h", "", "promotion.soak: 0 is shorter than the 2h of stage"),
        ("checks: [tests, lint]", "checks: [tests]", "promotion.checks: asked for in stage, and not here: lint"),
        ("checks: all", "checks: [tests]", "promotion.checks: asked for in stage, and not here: all"),
        ("runs: [qu.a, qu.b]", "runs: [qu.a]", "promotion.runs: asked for in stage, and not here: qu.b"),
        ("data_checks: {fresh: SELECT 1}", "", "promotion.data_checks: asked for in stage, and not here: fresh"),
        ("soak: 1h", "soak: 1h, auto: true", "promotion.auto: commits come by themselves here, and in stage somebody"),
    ],
)
def test_gates_that_prod_has_less_of_than_stage_are_told(stage: str, prod: str, warning: str) -> None:
    (told,) = stage_and_prod(f"promotion: {{{stage}}}", f"promotion: {{{prod}}}")

    assert told.startswith(f"4: lanes.prod.{warning}")


@pytest.mark.parametrize(
    ("promotion", "warning"),
    [
        ("auto: true", "promotion.auto: commits come by themselves as soon as they are ready"),
        ("checks: []", "promotion.checks: no check at GitHub has to be green"),
    ],
)
def test_a_door_that_stands_open_is_told_whatever_the_lane_before_has(promotion: str, warning: str) -> None:
    (told,) = warnings(f"  prod: {{promotion: {{{promotion}}}}}\n")

    assert told.startswith(f"3: lanes.prod.{warning}")


def test_a_key_that_is_there_is_told_at_its_own_line() -> None:
    told = warnings("  stage:\n    retries: 3\n  prod:\n    src_conn: live\n    retries: 1\n")

    assert told == ["7: lanes.prod.retries: 1 is fewer than the 3 of stage"]


def test_stage_is_held_against_preview_too() -> None:
    assert warnings("  preview: {alerts: a}\n  stage: {}\n") == [
        "4: lanes.stage.alerts: nobody is told of a failure here, and in preview somebody is"
    ]


def test_a_preview_that_runs_nothing_by_itself_is_no_measure() -> None:
    assert warnings("  preview: {retries: 0}\n  stage: {schedules: false}\n") == []


def test_a_lane_that_the_file_does_not_speak_of_is_left_out() -> None:
    assert warnings("  stage: {retries: 3, alerts: a, src_conn: b}\n") == []
    assert warnings("  preview: {retries: 3}\n  prod: {retries: 1}\n") == [
        "4: lanes.prod.retries: 1 is fewer than the 3 of preview"
    ]


SECTION = st.fixed_dictionaries(
    {},
    optional={
        "retries": st.integers(0, 5),
        "alerts": st.sampled_from(["a", "b"]),
        "schedules": st.sampled_from(["true", "false"]),
        "src_conn": st.just("warehouse"),
        "cluster": st.just("small"),
        "promotion": st.sampled_from(["{soak: 1h}", "{runs: [qu.a], auto: true}", "{data_checks: {a: SELECT 1}}"]),
    },
).map(lambda section: ", ".join(f"{key}: {value}" for key, value in section.items()))


@pytest.mark.slow
@given(SECTION)
def test_a_lane_that_has_all_that_the_one_before_has_is_not_less_strict(section: str) -> None:
    assert stage_and_prod(section, section) == []
