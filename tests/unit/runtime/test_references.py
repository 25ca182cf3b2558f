"""Which DAGs tasks name, without an Airflow: what is read of a task is a few plain attributes."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from dagbranch.runtime.identity import Identity
from dagbranch.runtime.references import follow_references, unknown_references


def identity() -> Identity:
    known = Identity("feature1", rewrites=True)
    known.assign("shop.own")
    return known


def dag(*tasks: dict[str, Any]) -> Any:
    named = [{"dag_id": "shop.feature1.dag", "task_id": f"task_{number}", **task} for number, task in enumerate(tasks)]
    return SimpleNamespace(tasks=[SimpleNamespace(**task) for task in named])


def mapped(partial: dict[str, Any], value: object) -> dict[str, Any]:
    return {"partial_kwargs": partial, "expand_input": SimpleNamespace(value=value)}


def test_only_literal_ids_that_the_environment_does_not_have_are_unknown() -> None:
    referring = dag(
        {"trigger_dag_id": "shop.own"},
        {"trigger_dag_id": "shop.feature1.own"},
        {"trigger_dag_id": "shop.other"},
        {"external_dag_id": "{{ params.which }}"},
        {"external_dag_id": "{% raw %}x{% endraw %}"},
        {"external_dag_id": object()},
        {"trigger_dag_id": "shop.elsewhere", "external_env_name": "another"},
        mapped({"external_dag_id": "shop.partial"}, {"trigger_dag_id": ["shop.own", "shop.mapped"]}),
        mapped({}, [{"trigger_dag_id": "shop.by_kwargs"}, object()]),
    )

    assert unknown_references(referring, identity()) == {
        "shop.other",
        "shop.partial",
        "shop.mapped",
        "shop.by_kwargs",
    }


def test_nothing_is_unknown_once_it_was_followed() -> None:
    referring = dag({"trigger_dag_id": "shop.own"}, mapped({"external_dag_id": "shop.own"}, {}))

    follow_references([referring], identity())

    assert unknown_references(referring, identity()) == frozenset()
    assert referring.tasks[0].trigger_dag_id == "shop.feature1.own"
    assert referring.tasks[1].partial_kwargs == {"external_dag_id": "shop.feature1.own"}


def test_what_cannot_be_known_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    referring = dag({"trigger_dag_id": "{{ params.told_once }}"})

    with caplog.at_level(logging.WARNING):
        follow_references([referring], identity())
        follow_references([referring], identity())

    (told,) = caplog.messages
    assert told.startswith("shop.feature1.dag.task_0: trigger_dag_id='{{ params.told_once }}' cannot be known")


def test_a_tasks_process_is_told_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        follow_references([dag({"trigger_dag_id": "{{ params.untold }}"})], identity(), tells=False)

    assert caplog.messages == []
