{{ config(schema='db_shop') }}
select c.*, a.street, h.dbt_valid_to
from {{ ref('stg_customers') }} as c
join {{ source('crm', 'addresses') }} as a using (customer_id)
left join {{ ref('orders_history') }} as h using (customer_id)
left join reference.zip_codes as z on z.code = a.zip
