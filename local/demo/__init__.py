"""The demo: three pull requests become three environments in one Airflow, and go again."""
