-- truth-read: raw.mails
-- truth-written: stage.mails
{# DELETE FROM stage.old WHERE id = {{ x }} #}
{% raw %}
INSERT INTO stage.mails SELECT replace(body, '{{ name }}', name), '{% if %}' FROM raw.mails
{% endraw %}
