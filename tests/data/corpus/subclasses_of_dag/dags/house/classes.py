from airflow import DAG
from airflow.models.dag import DAG as ModelsDAG


class TeamDAG(DAG):
    """What every pipeline of the team has."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("default_args", {"retries": 2, "owner": "team"})
        super().__init__(*args, **kwargs)


class Renamed(DAG):
    def __init__(self, name, **kwargs):
        super().__init__(dag_id=f"sub.{name}", schedule=None, **kwargs)


class Models(ModelsDAG):
    pass


class Twice(TeamDAG):
    def __init__(self, dag_id):
        super().__init__(dag_id, schedule=None)
        self.doc_md = f"about {self.dag_id}"
