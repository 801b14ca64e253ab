-- Each row is a load in which assignments of a tenant were read to their end, and the one before it.
with told as (
  select tenants.tenant_id, log.ended_at as loaded_at
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_sync_log') }} as log
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_number = log.tenant_id
  where log.stream = 'appointment_assignments' and log.outcome = 'complete'
),

first_told as (
  select tenant_id, min(loaded_at) as loaded_at
  from told
  group by tenant_id
),

-- Before there was a log, only loads that brought something have left a trace
brought as (
  select distinct versions.tenant_id, versions.first_loaded_at as loaded_at
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_assignment_versions') }} as versions
  left join first_told on first_told.tenant_id = versions.tenant_id
  where versions.first_loaded_at < first_told.loaded_at or first_told.loaded_at is null
),

loads as (
  select tenant_id, loaded_at from told
  union
  select tenant_id, loaded_at from brought
),

followed as (
  select
    tenant_id,
    loaded_at,
    lag(loaded_at) over (partition by tenant_id order by loaded_at) as load_before
  from loads
)

select
  tenant_id,
  loaded_at,
  load_before,
  {{ servicetitan_dispatch.minutes_between('load_before', 'loaded_at') }} as gap_minutes
from followed
