select * from {{ ref('orders') }} join somewhere.else_entirely using (id)
