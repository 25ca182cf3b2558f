"""An airflow DAG whose id leaves no room for an environment's name."""

from versions import MainDag

MainDag("qu." + 240 * "x", schedule=None)
