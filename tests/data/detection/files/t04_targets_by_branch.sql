{# truth-read: raw.orders #}
{# truth-written: stage.orders_eu, stage.orders_us, stage.orders_rest #}
{%- set target -%}
  {% if params.region == 'eu' %}stage.orders_eu{% elif params.region == 'us' %}stage.orders_us{% else %}stage.orders_rest{% endif %}
{%- endset -%}
DELETE FROM {{ target }} WHERE dt = '{{ ds }}';
INSERT INTO {{ target }} SELECT * FROM raw.orders WHERE region = '{{ params.region }}';
