from airflow import DAG

raise ValueError('first line\nsecond line\n\nlast line')
