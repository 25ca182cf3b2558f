def build(name):
    from airflow import DAG

    return DAG(name, schedule=None, auto_register=False)
