-- Each row is a tenant: what it is called, when its days begin, and since when it has been loaded.
{{ config(post_hook='{{ servicetitan_dispatch.refuse_tenants_without_time_zone(this) }}') }}

with of_rows as (
  {% for model in [
    'appointment_assignments',
    'assignment_versions',
    'capacities',
    'non_job_appointments',
    'technician_shifts',
  ] %}
  select tenant_id
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_' ~ model) }}
  {{ 'union' if not loop.last }}
  {% endfor %}
),

loads as (
  {{ servicetitan_dispatch.loads_told(ref('servicetitan_dispatch', 'dispatch_stg_sync_log')) }}
),

log_of_tenants as (
  select
    tenant_id,
    min(ended_at) filter (where is_complete) as first_complete_load,
    max(ended_at) filter (where is_complete) as last_complete_load
  from loads
  group by tenant_id
),

names as (
  select
    tenant_id,
    tenant_name,
    time_zone,
    row_number() over (partition by tenant_id order by ended_at desc nulls last, run_id, stream) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_sync_log') }}
),

-- Each tenant has a number here, also a single one, whose rows have none
numbered as (
  select tenant_id from log_of_tenants
  union
  select tenant_id from {{ ref('servicetitan_dispatch', 'dispatch_stg_business_hours') }}
  union
  select tenant_id from {{ ref('servicetitan_dispatch', 'dispatch_stg_arrival_window_configuration') }}
),

numbers as (
  select
    case when exists (select 1 from of_rows where tenant_id = 0) then 0 else tenant_id end as tenant_id,
    tenant_id as tenant_number
  from numbered
),

tenants as (
  select
    coalesce(of_rows.tenant_id, numbers.tenant_id) as tenant_id,
    coalesce(numbers.tenant_number, nullif(of_rows.tenant_id, 0)) as tenant_number
  from of_rows
  full outer join numbers on numbers.tenant_id = of_rows.tenant_id
)

select
  tenants.tenant_id,
  tenants.tenant_number,
  coalesce(
    {{ servicetitan_dispatch.said_of_tenant('coalesce(tenants.tenant_number, tenants.tenant_id)', 'name') }},
    names.tenant_name
  ) as tenant_name,
  coalesce(
    {{ servicetitan_dispatch.said_of_tenant('coalesce(tenants.tenant_number, tenants.tenant_id)', 'timezone') }},
    names.time_zone,
    {{ servicetitan_dispatch.time_zone_of_others() }}
  ) as time_zone,
  log_of_tenants.first_complete_load,
  log_of_tenants.last_complete_load
from tenants
left join log_of_tenants on log_of_tenants.tenant_id = tenants.tenant_number
left join names on names.tenant_id = tenants.tenant_number and names.nth = 1
