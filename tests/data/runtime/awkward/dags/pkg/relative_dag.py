"""A DAG file in an airflow package that imports relatively, looks at its own folder and at its package's resources."""

import importlib.resources
import inspect
import os
import pkgutil

import pkg
from versions import BashOperator, MainDag

from . import NAME, constants

WALKED = sorted(module.name for module in pkgutil.iter_modules(pkg.__path__))
LISTED = sorted(name for name in os.listdir(os.path.dirname(__file__)) if name.endswith(".txt"))
NOTE = importlib.resources.files("pkg").joinpath("note.txt").read_text().strip()
SOURCE = inspect.getsource(constants).strip()

with MainDag(NAME, schedule=None):
    BashOperator(task_id="facts", bash_command=f"{WALKED} {LISTED} {NOTE} {SOURCE!r}")
