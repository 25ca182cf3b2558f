from airflow import DAG

import not_installed_anywhere
