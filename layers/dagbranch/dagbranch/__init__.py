"""dagbranch: every pull request its own Airflow pipeline and its own data."""

__version__ = "0.1.0"
