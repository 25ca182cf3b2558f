"""An airflow dag that makes assets, some of them only when its tasks run."""

from pendulum import datetime

from shop.versions import DAG, Asset, AssetAlias, BashOperator, EmptyOperator, Metadata, task

ORDERS = Asset("s3://shop/orders/")
COSTS = Asset("costs")
LAKE = Asset("s3://lake/raw")

with DAG("shop.produce", schedule="@daily", start_date=datetime(2026, 1, 1)):
    EmptyOperator(task_id="plain", inlets=[COSTS, LAKE], outlets=[ORDERS])
    BashOperator.partial(task_id="mapped", outlets=[COSTS]).expand(bash_command=["echo a", "echo b"])
    BashOperator(task_id="says", bash_command=f"echo {ORDERS.uri}")

    @task(outlets=[ORDERS, AssetAlias("late")])
    def makes(*, outlet_events):
        outlet_events[Asset("s3://shop/orders")].extra = {"rows": 1}
        outlet_events[AssetAlias("late")].add(Asset("s3://shop/late"))
        outlet_events[AssetAlias("late")].add(Asset(ORDERS.uri))
        metadata = Metadata(Asset("costs"), {"rows": 2}, AssetAlias("late"))
        return metadata

    makes()
