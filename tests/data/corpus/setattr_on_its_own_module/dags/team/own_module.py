from __future__ import annotations

import dataclasses
import enum
import pickle
import sys
import typing

from airflow import DAG
from airflow.operators.python import PythonOperator

me = sys.modules[__name__]


class Kind(enum.Enum):
    A = "a"
    B = "b"


@dataclasses.dataclass(frozen=True)
class Spec:
    kind: Kind
    retries: typing.ClassVar[int] = 2
    extra: dataclasses.InitVar[int | None] = None


def run(kind):
    return kind


assert pickle.loads(pickle.dumps(run)) is run
assert pickle.loads(pickle.dumps(Spec(Kind.A))) == Spec(Kind.A)
assert typing.get_type_hints(Spec)["kind"] is Kind

for kind in Kind:
    made = DAG(f"own_module_{kind.value}", schedule=None, default_args={"retries": Spec.retries})
    PythonOperator(task_id="run", python_callable=me.run, op_args=[kind.value], dag=made)
    setattr(me, made.dag_id, made)
