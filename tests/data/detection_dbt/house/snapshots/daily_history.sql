{% snapshot daily_history %}
{{ config(target_schema='history', strategy='check', unique_key='day', check_cols='all') }}
select * from {{ ref('daily') }}
{% endsnapshot %}
