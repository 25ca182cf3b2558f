{# Money is kept in cents: FROM here on it is not. #}
{% macro cents_to_dollars(column, places=2) %}
    round({{ column }} / 100.0, {{ places }})
{% endmacro %}
