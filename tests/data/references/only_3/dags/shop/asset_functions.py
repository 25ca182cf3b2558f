"""Airflow assets as functions, references to assets and assets that are watched, each with its dag."""

from airflow.providers.standard.triggers.file import FileDeleteTrigger
from airflow.sdk import DAG, Asset, AssetWatcher, asset
from airflow.sdk.definitions.asset import AssetAlias

from shop.versions import EmptyOperator, TriggerDagRunOperator

WATCHED = Asset(
    "watched", watchers=[AssetWatcher(name="file", trigger=FileDeleteTrigger(filepath="/nowhere/dagbranch"))]
)


@asset(schedule=None)
def refined(self, costs):
    return f"{self.name} {costs.name}"


@asset(name="shop.totals", uri="s3://shop/totals", schedule=refined)
def totals(context):
    return context


@asset(schedule=None, dag_id="shop.called", uri="s3://shop/called")
def called():
    return None


@asset.multi(schedule=[Asset.ref(name="refined")], outlets=[Asset("s3://shop/a"), AssetAlias("late")])
def both():
    return None


with DAG("shop.referring", schedule=[Asset.ref(name="refined"), Asset.ref(uri="s3://shop/totals")]):
    EmptyOperator(task_id="only", inlets=[Asset.ref(name="refined")])
    TriggerDagRunOperator(task_id="starts", trigger_dag_id="refined")

with DAG("shop.watching", schedule=[WATCHED]):
    EmptyOperator(task_id="only")
