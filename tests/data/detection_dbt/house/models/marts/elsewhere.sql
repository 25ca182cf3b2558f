{{ config(database='lake', schema='shared') }}
select d.*, m.target from {{ ref('daily') }} as d join {{ ref('month_targets') }} as m using (day)
