# asset
raise RuntimeError('airflow 2 does not import it')
