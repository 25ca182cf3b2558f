-- truth-read: raw.x
-- truth-written: stage.x
-- truth-unknown: the included statements
{% import "lib.sql" as lib %}
{% include "header.sql" %};
INSERT INTO stage.x SELECT * FROM raw.x;
{{ lib.footer() }}
