-- truth-read: raw.events
-- truth-unknown: both targets
INSERT INTO stage.events_{{ ds_nodash }} SELECT * FROM raw.events;
INSERT INTO {{ schema("stage") }}_extra.events SELECT * FROM raw.events;
