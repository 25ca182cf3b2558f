-- truth-read: raw.x
-- truth-unknown: the schema in use
USE {% if params.live %}live{% else %}test{% endif %};
INSERT INTO m_roi SELECT * FROM raw.x;
