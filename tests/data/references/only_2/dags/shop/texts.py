"""An airflow dag whose tasks name datasets by their URIs alone, as Airflow 2 still allows."""

from shop.versions import DAG, Asset, AssetAlias, task

with DAG("shop.texts", schedule=None):

    @task(inlets=[Asset("costs")], outlets=[Asset("s3://shop/orders"), AssetAlias("late")])
    def makes(*, outlet_events, inlet_events):
        outlet_events["s3://shop/orders"].extra = {"rows": 1}
        outlet_events["late"].add("s3://shop/late")
        return f"{len(inlet_events['costs'])} events"

    makes()
