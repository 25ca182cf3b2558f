"""Texts that name the copy, whichever folder served the files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from dagbranch.runtime.places import tell_place, told

HERE, THERE = "/tmp/dagbranch-0/aa", "/dags/feature1"


class Expanded(NamedTuple):
    value: Any


class Task(SimpleNamespace):
    template_fields = ("command", "missing")

    @staticmethod
    def get_serialized_fields() -> frozenset[str]:
        return frozenset({"doc_md", "fileloc"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"cat {HERE}/x {HERE}", f"cat {THERE}/x {THERE}"),
        (Path(HERE, "x"), Path(THERE, "x")),
        ([f"{HERE}/x", 1, None], [f"{THERE}/x", 1, None]),
        (({"deep": [HERE]},), ({"deep": [THERE]},)),
        ({HERE: {HERE}}, {THERE: {THERE}}),
        (Expanded({"a": [HERE]}), Expanded({"a": [THERE]})),
    ],
)
def test_every_text_is_told_with_the_copys_path(value: object, expected: object) -> None:
    assert told(value, HERE, THERE) == expected


@pytest.mark.parametrize("value", ["/tmp/other", ["a", {"b": ("c",)}], Path("/x"), {"a": 1}, 3, None, object()])
def test_what_does_not_name_the_folder_is_the_same_object(value: object) -> None:
    assert told(value, HERE, THERE) is value


def test_the_code_keeps_its_own_containers() -> None:
    shared = [f"{HERE}/x"]

    told({"files": shared}, HERE, THERE)

    assert shared == [f"{HERE}/x"]


def test_fields_of_dags_and_tasks_are_told_but_not_what_airflow_sets_itself() -> None:
    task = Task(command=f"cat {HERE}", doc_md=f"see {HERE}", fileloc=f"{HERE}/x.py", other=HERE)
    dag = Task(command=None, doc_md=HERE, fileloc=f"{HERE}/x.py", tasks=[task])

    tell_place([dag], HERE, THERE)

    assert vars(task) == {"command": f"cat {THERE}", "doc_md": f"see {THERE}", "fileloc": f"{HERE}/x.py", "other": HERE}
    assert (dag.doc_md, dag.fileloc) == (THERE, f"{HERE}/x.py")
