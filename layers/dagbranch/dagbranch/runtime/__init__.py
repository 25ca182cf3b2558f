"""What travels inside each packaged DAG and makes an environment of it: standard library and Airflow only, Python 3.11.

In a zip this package is called ``_dagbranch``. Airflow imports the zip's root modules, one stub per DAG module of the
repository; each asks ``load`` for the DAGs of its module.

Every process that Airflow forks imports it anew. So dataclasses here go without the methods that nobody calls: Python
compiles each at import, and that took longer than the rest of the imports.
"""
