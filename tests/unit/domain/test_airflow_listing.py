from __future__ import annotations

import pytest

from dagbranch.domain.airflow_listing import ListedDag, check_dag_id, dags_of
from dagbranch.errors import InvalidEventError

FOLDER = "/usr/local/airflow/dags"


def listed(dag_id: str, file_location: str) -> ListedDag:
    return ListedDag(dag_id, file_location, frozenset({"feature1"}), is_active=True, parsed_at=None)


@pytest.mark.parametrize(
    ("file_location", "name"),
    [
        (f"{FOLDER}/feature1.zip/dag__a.py", "feature1"),
        (f"{FOLDER}/feature1.zip", "feature1"),
        (f"{FOLDER}/feature1/qu/main/a.py", None),
        (f"{FOLDER}/feature1.zipped/a.py", None),
        ("feature1.py", None),
    ],
)
def test_a_row_is_of_the_zip_that_its_file_lies_in(file_location: str, name: str | None) -> None:
    assert listed("a", file_location).zip_name == name


def test_a_tag_alone_makes_no_dag_ours() -> None:
    foreign = listed("billing", f"{FOLDER}/billing.py")
    own = listed("qu.feature1.test_dag", f"{FOLDER}/feature1.zip")

    assert dags_of("feature1", [foreign, own]) == [own]


@pytest.mark.parametrize("dag_id", ["qu.feature1.test_dag", "a-b_c.9", "qu.straßen_東京", "x" * 250])
def test_an_id_that_airflow_allows_may_go_into_a_command(dag_id: str) -> None:
    assert check_dag_id(dag_id) == dag_id


@pytest.mark.parametrize("dag_id", ["", "-y", "--help", "a b", "a;b", "a\nb", "a\n", "a\u00a0b", "x" * 251, "$(x)"])
def test_any_other_id_may_not(dag_id: str) -> None:
    with pytest.raises(InvalidEventError):
        check_dag_id(dag_id)
