-- truth-read: raw.orders, raw.lines, raw.refunds
-- truth-written: stage.orders, stage.lines, stage.refunds
{% for table in ["orders", "lines", "refunds"] %}
INSERT OVERWRITE TABLE stage.{{ table }} SELECT * FROM raw.{{ table }};
{% endfor %}
