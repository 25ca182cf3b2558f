-- truth-read: raw.x
-- truth-unknown: what the list holds
{% set tables = ["a"] %}{% do tables.append(params.table) %}{% set ns = namespace(t="b") %}
{% for table in tables %}INSERT INTO stage.{{ table }} SELECT * FROM raw.x;{% endfor %}
INSERT INTO stage.{{ ns.t }} SELECT * FROM raw.x
