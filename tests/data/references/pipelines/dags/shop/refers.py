"""Every way in which a task of an airflow dag names another one."""

from shop.versions import (
    DAG,
    BashOperator,
    EmptyOperator,
    ExternalTaskMarker,
    ExternalTaskSensor,
    TriggerDagRunOperator,
)


class Following(TriggerDagRunOperator):
    """Sets its id after its parent has."""

    def __init__(self, *, team, name, **kwargs):
        super().__init__(trigger_dag_id="none", **kwargs)
        self.trigger_dag_id = f"{team}.{name}"


class Computed(ExternalTaskSensor):
    """Its id cannot be set from outside."""

    @property
    def external_dag_id(self):
        return "shop.produce"

    @external_dag_id.setter
    def external_dag_id(self, value):
        if value != "shop.produce":
            raise AttributeError("external_dag_id is computed")


class OnAnotherAirflow(EmptyOperator):
    """As Amazon's MwaaTriggerDagRunOperator."""

    def __init__(self, *, external_env_name, trigger_dag_id, **kwargs):
        super().__init__(**kwargs)
        self.external_env_name = external_env_name
        self.trigger_dag_id = trigger_dag_id


with DAG("shop.refers", schedule=None):
    ids = BashOperator(task_id="ids", bash_command="echo shop.produce")
    TriggerDagRunOperator(task_id="own", trigger_dag_id="shop.produce")
    TriggerDagRunOperator(task_id="foreign", trigger_dag_id="ops.archive")
    TriggerDagRunOperator(task_id="templated", trigger_dag_id="{{ params.which }}")
    TriggerDagRunOperator.partial(task_id="from_xcom").expand(trigger_dag_id=ids.output)
    ExternalTaskSensor(task_id="waits", external_dag_id="shop.produce")
    ExternalTaskMarker(task_id="marks", external_dag_id="shop.produce", external_task_id="plain")
    Following(task_id="follows", team="shop", name="produce")
    Computed(task_id="computed", external_dag_id="shop.produce")
    OnAnotherAirflow(task_id="elsewhere", external_env_name="other", trigger_dag_id="shop.produce")
    TriggerDagRunOperator.partial(task_id="partial", trigger_dag_id="shop.produce").expand(conf=[{"a": 1}])
    TriggerDagRunOperator.partial(task_id="expanded").expand(trigger_dag_id=["shop.produce", "ops.archive"])
    TriggerDagRunOperator.partial(task_id="by_kwargs").expand_kwargs([{"trigger_dag_id": "shop.produce"}])
    ExternalTaskSensor.partial(task_id="waits_partial", external_dag_id="shop.produce").expand(
        external_task_id=["plain"]
    )
