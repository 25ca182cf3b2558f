"""An airflow dag whose tag Airflow refuses."""

from shop.versions import DAG

dag = DAG("shop.long_tag", schedule=None, tags=["x" * 101])
