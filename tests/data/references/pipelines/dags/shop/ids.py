"""Every way to name an airflow dag."""

import copy

from shop.versions import DAG, EmptyOperator, dag


class TeamDag(DAG):
    def __init__(self, name, *, team="shop", **kwargs):
        super().__init__(f"{team}.{name}", schedule=None, **kwargs)


def make(number):
    with DAG(f"shop.made_{number}", schedule=None) as made:
        EmptyOperator(task_id="only")
    return made


@dag(dag_id="shop.decorated", schedule=None, tags={"a"})
def decorated():
    EmptyOperator(task_id="only")


positional = DAG("shop.positional", "a description", schedule=None, tags=None)
by_name = DAG(**{"dag_id": "shop.by_name", "schedule": None, "tags": ["b", "a"]})
dots = DAG("shop.several.dots.here", schedule=None)
named_alike = DAG("shop.feature1.alike", schedule=None)
shown = DAG("shop.shown", schedule=None, dag_display_name="Shown as this")
subclass = TeamDag("subclass")
one, two = make(1), make(2)
from_function = decorated()

with DAG("shop.whole", schedule=None) as whole:
    EmptyOperator(task_id="first") >> EmptyOperator(task_id="second")
part = whole.partial_subset("first", include_upstream=False, include_downstream=False)
renamed = copy.deepcopy(dots)
