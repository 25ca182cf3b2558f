"""What travels inside each packaged DAG and makes an environment of it: standard library and Airflow only, Python 3.11.

In a zip this package is called ``_dagbranch``. Airflow imports the zip's root modules, one stub per DAG module of the
repository; each asks ``load`` for the DAGs of its module.
"""
