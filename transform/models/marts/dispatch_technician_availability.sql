-- Each row is a technician's day: the hours of normal shifts, and how many of them are left for jobs.
with spans as (
  select tenant_id, technician_id, starts_at, ends_at, 1 as shift, 0 as away
  from {{ ref('stg_technician_shifts') }}
  where active and shift_type = 'Normal'

  union all

  select tenant_id, technician_id, starts_at, ends_at, 0 as shift, 1 as away
  from {{ ref('time_away') }}
),

-- A midnight parts what reaches over it.
days as (
  select
    tenant_id,
    technician_id,
    {{ each_day(day_of('min(starts_at)'), day_of('max(ends_at)')) }} as day
  from spans
  group by tenant_id, technician_id
),

-- What overlaps must not count twice. So sum up, edge by edge, how many shifts and how much else a
-- technician is in; between two edges nothing changes.
edges as (
  select tenant_id, technician_id, starts_at as edge, shift, away
  from spans

  union all

  select tenant_id, technician_id, ends_at as edge, -shift as shift, -away as away
  from spans

  union all

  select tenant_id, technician_id, {{ midnight_of('day') }} as edge, 0 as shift, 0 as away
  from days
),

stretches as (
  select
    tenant_id,
    technician_id,
    edge,
    {{ minutes_between('edge', 'lead(edge) over passing') }} / 60 as hours,
    sum(shift) over passing > 0 as is_at_work,
    sum(away) over passing > 0 as is_away
  from edges
  window passing as (partition by tenant_id, technician_id order by edge)
),

summed as (
  select
    tenant_id,
    technician_id,
    {{ day_of('edge') }} as day,
    sum(hours) as shift_hours,
    coalesce(sum(hours) filter (where not is_away), 0) as hours_for_jobs
  from stretches
  where is_at_work and hours > 0
  group by tenant_id, technician_id, {{ day_of('edge') }}
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
left join {{ ref('technicians') }} as technicians
  on technicians.tenant_id = summed.tenant_id and technicians.technician_id = summed.technician_id
