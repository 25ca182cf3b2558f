from __future__ import annotations

import pytest

from dagbranch.domain.airflow_pages import AirflowPages

HOST = "https://airflow.example.com"


@pytest.mark.parametrize(
    ("version", "listed", "dag"),
    [
        ("2.10.3", f"{HOST}/home?tags=feature1", f"{HOST}/dags/qu.feature1.test_dag/grid"),
        ("3.0.6", f"{HOST}/dags?tags=feature1", f"{HOST}/dags/qu.feature1.test_dag"),
    ],
)
def test_each_line_of_airflow_has_its_own_addresses(version: str, listed: str, dag: str) -> None:
    pages = AirflowPages(HOST, version)

    assert pages.of_environment("feature1") == listed
    assert pages.of_dag("qu.feature1.test_dag") == dag


def test_a_name_cannot_lead_elsewhere() -> None:
    pages = AirflowPages(HOST, "3.0.6")

    assert pages.of_dag("a/../b?x#y) [z") == f"{HOST}/dags/a%2F..%2Fb%3Fx%23y%29%20%5Bz"
    assert pages.of_environment("a&b") == f"{HOST}/dags?tags=a%26b"
