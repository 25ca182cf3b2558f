-- truth-read: raw.mails
-- truth-unknown: it is no Jinja
SELECT '{{' AS x, body FROM raw.mails;
DELETE FROM raw.mails WHERE body = '{% nothing';
