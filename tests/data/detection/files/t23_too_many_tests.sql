-- truth-read: raw.x
-- truth-written: stage.x
SELECT * FROM raw.x WHERE true {% if a1 %}AND c1{% endif %} {% if a2 %}AND c2{% endif %} {% if a3 %}AND c3{% endif %}
{% if a4 %}AND c4{% endif %} {% if a5 %}AND c5{% endif %} {% if a6 %}AND c6{% endif %} {% if a7 %}AND c7{% endif %};
DELETE FROM stage.x WHERE {{ condition }}
