echo {{ dag.dag_id }}
