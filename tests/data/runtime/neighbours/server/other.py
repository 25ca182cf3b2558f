"""A plain airflow DAG that imports what no other file of the server has imported."""

import lazy
from airflow.models.dag import DAG
from uses_shared import version

with DAG(f"other_{lazy.COLOUR}_{version()}", schedule=None):
    pass
