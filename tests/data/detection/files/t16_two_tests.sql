-- truth-read: stage.a, stage.b, raw.x
-- truth-written: stage.a, stage.b
{% if params.insert %}INSERT INTO{% else %}SELECT * FROM{% endif %} {% if params.first %}stage.a{% else %}stage.b{% endif %}
{% if params.insert %}SELECT * FROM raw.x{% endif %};
