# airflow looks for the word dag
from factory.build import dags_of

for one in dags_of("pipelines"):
    globals()[one.dag_id.replace(".", "_")] = one
