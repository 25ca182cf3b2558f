# -*- coding: latin-1 -*-
"""An airflow DAG in an old encoding."""

from versions import BashOperator, MainDag

with MainDag("latin", schedule=None):
    BashOperator(task_id="only", bash_command="echo café")
