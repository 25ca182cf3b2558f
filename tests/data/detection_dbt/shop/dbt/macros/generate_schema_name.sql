{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ var(custom_schema_name, target.schema) if custom_schema_name else target.schema }}
{%- endmacro %}
