"""An airflow DAG whose tasks import when they run, in every way."""

import importlib
import pickle
import sys

import common
from versions import MainDag, PythonOperator

common.note(__name__)


def statement():
    import lazy
    from team.deep import NAME

    return f"{lazy.COLOUR} {NAME} {common.COLOUR}"


def by_name():
    return importlib.import_module("lazy").COLOUR


def pickled():
    return pickle.loads(pickle.dumps(common.Thing())).colour


def registered():
    return sorted({"common", "lazy", "first"} & set(sys.modules))


def failed(context):
    from lazy import COLOUR

    return COLOUR


with MainDag("team.first", schedule=None, on_failure_callback=failed):
    for function in (statement, by_name, pickled, registered):
        PythonOperator(task_id=function.__name__, python_callable=function)
