select * from {{ ref('stg_orders') }} join nowhere.at_all using (order_id)
