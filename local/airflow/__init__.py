"""A real Airflow and the double of Amazon MWAA around it."""

from local.airflow.mwaa import LocalMwaa
from local.airflow.server import LocalAirflow

__all__ = ["LocalAirflow", "LocalMwaa"]
