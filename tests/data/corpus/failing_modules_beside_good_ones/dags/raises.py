from airflow import DAG

with DAG('raises', schedule=None):
    pass

try:
    {}['missing']
except KeyError as error:
    raise RuntimeError('cannot go on') from error
