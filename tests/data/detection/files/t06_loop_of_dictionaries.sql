-- truth-read: raw.orders, web.sessions
-- truth-written: mart.orders, mart.visits
{% set jobs = [
    {"target": "orders", "source": "raw.orders", "keys": ["id"]},
    {"target": "visits", "source": "web.sessions", "keys": ["ip", "ts"]},
] %}
{% for job in jobs %}
MERGE INTO mart.{{ job.target }} t USING {{ job["source"] }} s
ON {% for key in job.keys %}t.{{ key }} = s.{{ key }}{% if not loop.last %} AND {% endif %}{% endfor %}
WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *;
{% endfor %}
