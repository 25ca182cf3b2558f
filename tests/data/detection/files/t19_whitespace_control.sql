-- truth-read: raw.x, raw.y
-- truth-written: stage.x
{%- if params.drop -%}

DROP TABLE IF EXISTS stage.x;

{%- endif %}

{% with source = "raw" -%}
CREATE TABLE stage.x AS
SELECT * FROM {{ source }}.x
{%- for t in ["y"] %}
UNION ALL SELECT * FROM {{ source ~ "." ~ t }}
{%- endfor -%}
{%- endwith %}
