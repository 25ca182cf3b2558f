-- truth-read: db_attribution.m_events
-- truth-unknown: names made of environment, lane and settings
INSERT INTO db_attribution_{{ environment }}.m_roi SELECT * FROM {{ schema("db_attribution") }}.m_events;
SELECT '{{ commit }}', '{{ artifact("jobs") }}' FROM {{ schema("db_attribution") }}.m_events;
INSERT INTO db{{ setting("table_suffix") }}.m_roi SELECT '{{ lane }}'
