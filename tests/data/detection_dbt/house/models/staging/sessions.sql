{{ config(alias="STG_Sessions") }}
select * from {{ source('landing', 'sessions') }} join {{ source('plain', 'clicks') }} using (id)
