{{
    config(
        materialized='incremental',
        unique_key='order_id',
        post_hook="delete from {{ this }} where order_date < '2020-01-01'"
    )
}}

{% set payment_methods = ['credit_card', 'coupon', 'bank_transfer'] %}

with order_payments as (
    select
        order_id,
        {% for payment_method in payment_methods -%}
        sum(case when payment_method = '{{ payment_method }}' then amount else 0 end) as {{ payment_method }}_amount,
        {% endfor -%}
        sum(amount) as total_amount
    from {{ ref('stg_payments') }}
    group by order_id
)

select o.*, p.total_amount, c.name as country
from {{ ref('stg_orders') }} as o
left join order_payments as p using (order_id)
left join {{ ref('shop', 'country_codes') }} as c on c.code = o.country
{% if is_incremental() %}
where o.order_date >= (select max(order_date) from {{ this }})
{% endif %}
