echo {% include 'sql/query.sql' %}
