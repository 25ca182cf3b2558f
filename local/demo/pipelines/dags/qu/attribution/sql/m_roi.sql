INSERT INTO {{ schema("db_attribution") }}.m_roi
SELECT channel, SUM(revenue) / SUM(cost) AS roi, date
FROM {{ schema("db_attribution") }}.m_events
WHERE date = "{{ params.date }}" AND channel IN ({{ params.channels }})
GROUP BY channel, date
