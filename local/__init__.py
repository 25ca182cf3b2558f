"""The local stack: AWS, Airflow, a warehouse and GitHub on one machine, for the demo and the tests."""
