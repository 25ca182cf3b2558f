select * from {{ ref('customers') }}
union all
select *, null, null from {{ ref('customers', v=1) }}
