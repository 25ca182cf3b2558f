import importlib
import os
import pkgutil

import jobs
from airflow import DAG
from airflow.operators.bash import BashOperator

for found in pkgutil.iter_modules(jobs.__path__):
    if not found.ispkg:
        name = importlib.import_module(f"jobs.{found.name}").NAME
        with DAG(f"walk_{name}", schedule=None):
            BashOperator(task_id="run", bash_command=f"echo {name}")

with DAG("walk_listed", schedule=None):
    for file in sorted(os.listdir(os.path.dirname(jobs.__file__))):
        if file.endswith(".py") and file != "__init__.py":
            BashOperator(task_id=file[:-3], bash_command=f"echo {file}")
    for number, (_, module, _) in enumerate(pkgutil.walk_packages(jobs.__path__, "jobs.")):
        BashOperator(task_id=f"walked_{number}", bash_command=f"echo {module}")
