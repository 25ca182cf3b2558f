from __future__ import annotations

from dagbranch.domain.airflow_distributions import AIRFLOW_DISTRIBUTIONS, AIRFLOW_VERSIONS
from local.airflow_distributions import MODULE, module_text


def test_the_list_is_what_the_pins_of_airflow_make_it() -> None:
    assert MODULE.read_text() == module_text(), "make it again: python -m local.airflow_distributions"


def test_the_list_is_airflows_own_and_not_that_of_its_providers() -> None:
    assert {"apache-airflow", "sqlalchemy", "jinja2", "pendulum", "fastapi", "flask"} <= AIRFLOW_DISTRIBUTIONS
    assert not {"pandas", "databricks-sql-connector", "flask-appbuilder"} & AIRFLOW_DISTRIBUTIONS
    assert not {name for name in AIRFLOW_DISTRIBUTIONS if name.startswith("apache-airflow-providers-")}
    assert {version.split(".")[0] for version in AIRFLOW_VERSIONS} == {"2", "3"}
