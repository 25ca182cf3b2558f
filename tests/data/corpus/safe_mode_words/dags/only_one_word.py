raise RuntimeError('has airflow alone')
