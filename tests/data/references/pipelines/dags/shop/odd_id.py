"""An airflow dag whose id Airflow refuses."""

from shop.versions import DAG

dag = DAG("shop.odd id", schedule=None)
