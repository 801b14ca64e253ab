-- Each row is a technician's day: the hours of normal shifts, and how many of them are left for jobs.
with shifts as (
  select shifts.tenant_id, shifts.technician_id, shifts.starts_at, shifts.ends_at, tenants.time_zone
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_technician_shifts') }} as shifts
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = shifts.tenant_id
  where shifts.active
    and shifts.shift_type = 'Normal'
    and shifts.ends_at > shifts.starts_at
    and shifts.ends_at <= shifts.starts_at + {{ servicetitan_dispatch.longest_shift() }}
),

-- A midnight parts a shift that reaches over it.
days as (
  select
    tenant_id,
    technician_id,
    time_zone,
    {{ servicetitan_dispatch.each_day(
      servicetitan_dispatch.day_of('starts_at', 'time_zone'),
      servicetitan_dispatch.day_of('ends_at', 'time_zone')
    ) }} as day
  from shifts
),

-- What overlaps must not count twice. So sum up, edge by edge, how many shifts and how much else a
-- technician is in; between two edges nothing changes.
edges as (
  select tenant_id, technician_id, starts_at as edge, 1 as shift, 0 as away
  from shifts

  union all

  select tenant_id, technician_id, ends_at as edge, -1 as shift, 0 as away
  from shifts

  union all

  select tenant_id, technician_id, starts_at as edge, 0 as shift, 1 as away
  from {{ ref('servicetitan_dispatch', 'dispatch_time_away') }}

  union all

  select tenant_id, technician_id, ends_at as edge, 0 as shift, -1 as away
  from {{ ref('servicetitan_dispatch', 'dispatch_time_away') }}

  union all

  select tenant_id, technician_id, {{ servicetitan_dispatch.midnight_of('day', 'time_zone') }} as edge, 0 as shift, 0 as away
  from days
),

stretches as (
  select
    tenant_id,
    technician_id,
    edge,
    {{ servicetitan_dispatch.minutes_between('edge', 'lead(edge) over passing') }} / 60 as hours,
    sum(shift) over passing > 0 as is_at_work,
    sum(away) over passing > 0 as is_away
  from edges
  window passing as (partition by tenant_id, technician_id order by edge)
),

at_work as (
  select
    stretches.*,
    {{ servicetitan_dispatch.day_of('stretches.edge', 'tenants.time_zone') }} as day
  from stretches
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = stretches.tenant_id
  where stretches.is_at_work and stretches.hours > 0
),

summed as (
  select
    tenant_id,
    technician_id,
    day,
    sum(hours) as shift_hours,
    coalesce(sum(hours) filter (where not is_away), 0) as hours_for_jobs
  from at_work
  group by tenant_id, technician_id, day
)

select
  summed.tenant_id,
  summed.technician_id,
  technicians.technician_name,
  summed.day,
  summed.shift_hours,
  summed.hours_for_jobs,
  summed.hours_for_jobs / summed.shift_hours as share_for_jobs
from summed
left join {{ ref('servicetitan_dispatch', 'dispatch_technicians') }} as technicians
  on technicians.tenant_id = summed.tenant_id and technicians.technician_id = summed.technician_id
