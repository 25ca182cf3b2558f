"""One repository for both lines of the server: where the operators are. (Its text has neither word of safe mode.)"""

import importlib


def first(*places):
    for place in places:
        module, _, name = place.rpartition(".")
        try:
            return getattr(importlib.import_module("air" + "flow." + module), name)
        except ImportError:
            continue
    raise ImportError(places)


BashOperator = first("providers.standard.operators.bash.BashOperator", "operators.bash.BashOperator")
EmptyOperator = first("providers.standard.operators.empty.EmptyOperator", "operators.empty.EmptyOperator")
PythonOperator = first("providers.standard.operators.python.PythonOperator", "operators.python.PythonOperator")
Trigger = first(
    "providers.standard.operators.trigger_dagrun.TriggerDagRunOperator",
    "operators.trigger_dagrun.TriggerDagRunOperator",
)
Sensor = first(
    "providers.standard.sensors.external_task.ExternalTaskSensor", "sensors.external_task.ExternalTaskSensor"
)
MainDag = first("sdk.DAG", "models.dag.DAG")
dag_decorator = first("sdk.dag", "decorators.dag")
task_decorator = first("sdk.task", "decorators.task")
