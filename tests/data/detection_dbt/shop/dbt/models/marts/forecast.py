def model(dbt, session):
    dbt.config(materialized="table", alias="m_forecast")
    orders = dbt.ref("orders")
    return orders.join(dbt.source("raw", "payments"), "order_id")
