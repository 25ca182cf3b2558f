"""An airflow DAG that puts its own folder on the path, beside one that does the same with a module of the same name."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import config
from versions import EmptyOperator, MainDag

with MainDag(f"siblings.{config.NAME}", schedule=None):
    EmptyOperator(task_id=config.NAME)
