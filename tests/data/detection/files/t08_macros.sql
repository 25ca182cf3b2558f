{# truth-read: raw.orders, ref.rates #}
{# truth-written: stage.orders #}
{%- macro in_euro(column, table="ref.rates") -%}
  {{ column }} * (SELECT max(rate) FROM {{ table }} WHERE dt = '{{ ds }}')
{%- endmacro %}
{% macro latest(source) %}
(
    SELECT *, row_number() OVER (PARTITION BY id ORDER BY ts DESC) AS rn FROM {{ source }}
)
{% endmacro %}
INSERT INTO stage.orders
SELECT id, {{ in_euro("amount") }} AS amount FROM {{ latest("raw.orders") }} WHERE rn = 1
