"""A plain airflow DAG of the server's own, with modules of the same names as the environments'."""

import common
from airflow.models.dag import DAG


def late():
    import lazy

    return f"{common.COLOUR} {lazy.COLOUR}"


with DAG(f"plain_{common.COLOUR}", schedule=None) as dag:
    pass
dag.on_failure_callback = lambda context: late()
