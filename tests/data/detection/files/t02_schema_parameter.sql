-- truth-read: crm.customers
-- truth-unknown: params.schema
INSERT INTO {{ params.schema }}.m_customers SELECT * FROM crm.customers WHERE dt = '{{ ds }}'
