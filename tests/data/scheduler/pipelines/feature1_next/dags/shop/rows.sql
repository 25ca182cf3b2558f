SELECT 'indigo' FROM {{ schema("db_attribution") }}.m_events -- {{ environment }} {{ lane }} {{ commit }} {{ dag.dag_id }}
