-- truth-read: raw.x
-- truth-written: stage.one, stage.two, stage.three
{% set target = "stage.one" %}
INSERT INTO {{ target }} SELECT * FROM raw.x;
{% set target = "stage.two" %}
INSERT INTO {{ target }} SELECT * FROM raw.x;
{% if params.more %}{% set target = "stage.three" %}{% endif %}
TRUNCATE TABLE {{ target }};
