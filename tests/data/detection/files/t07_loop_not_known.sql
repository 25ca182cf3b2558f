-- truth-read: raw.events
-- truth-written: stage.events
-- truth-unknown: params.tables
INSERT INTO stage.events
{% for country in params.countries %}
SELECT *, '{{ country }}' AS country FROM raw.events WHERE c = '{{ country }}'
{{ "UNION ALL" if not loop.last }}
{% endfor %};
{% for table in params.tables %}
DELETE FROM stage.{{ table }} WHERE dt = '{{ ds }}';
{% endfor %}
