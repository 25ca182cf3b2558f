{% set relations = [ref('events'), ref('sessions')] %}
{% for relation in relations %}
select day, count(*) as n from {{ relation }} group by day
{% if not loop.last %} union all {% endif %}
{% endfor %}
