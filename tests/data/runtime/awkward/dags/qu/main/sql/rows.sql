INSERT INTO {{ schema("db_attribution") }}.m_roi SELECT * FROM {{ schema("db_attribution") }}.m_events -- {{ ds }} {{ own }} {{ setting("src_conn") }} {{ environment }} {{ lane }} {{ commit }}
