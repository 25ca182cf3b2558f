-- truth-read: db_attribution.m_events, db_attribution.m_costs
-- truth-written: db_attribution.m_roi
INSERT OVERWRITE TABLE {{ schema("db_attribution") }}.m_roi PARTITION (dt = '{{ ds }}')
SELECT e.campaign, sum(e.revenue) / nullif(sum(c.cost), 0) AS roi
FROM {{ schema("db_attribution") }}.m_events e
LEFT JOIN {{ schema('db_attribution') }}.m_costs c ON c.campaign = e.campaign AND c.dt = e.dt
WHERE e.dt BETWEEN '{{ macros.ds_add(ds, -7) }}' AND '{{ ds }}'
  AND e.kind IN ({{ params.kinds | join(", ") }})
GROUP BY e.campaign
