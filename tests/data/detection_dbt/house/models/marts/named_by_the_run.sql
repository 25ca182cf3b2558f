{{ config(alias=var('run_alias', 'x') ~ env_var('RUN', '')) }}
select * from {{ ref('daily') }} join {{ ref(var('chosen', 'events')) }} using (day)
