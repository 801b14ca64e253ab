-- Each row is a technician's day: the hours of normal shifts, and how many of them absences leave;
-- beside them what the slots of the day say that the technician counts for, where they were loaded.
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
    coalesce(sum(hours) filter (where not is_away), 0) as hours_left_by_absence
  from at_work
  group by tenant_id, technician_id, day
),

-- As they were forecast last. What a slot has sold is sold of all its technicians together
latest_slots as (
  select
    *,
    row_number() over (
      partition by tenant_id, starts_at, ends_at, business_unit_key order by computed_on desc
    ) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_capacities') }}
),

crews as (
  select
    latest_slots.tenant_id,
    {{ servicetitan_dispatch.day_of('latest_slots.starts_at', 'tenants.time_zone') }} as day,
    latest_slots.total_availability,
    latest_slots.open_availability,
    latest_slots.computed_on,
    {{ servicetitan_dispatch.each_element('latest_slots.technicians') }} as technician
  from latest_slots
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = latest_slots.tenant_id
  where latest_slots.nth = 1
),

slots as (
  select
    tenant_id,
    cast(technician ->> 'id' as bigint) as technician_id,
    day,
    count(*) as slots,
    count(*) filter (where technician ->> 'status' = 'Available') as slots_with_time_left,
    sum(total_availability) as slot_hours,
    sum(total_availability - open_availability) as slot_hours_sold,
    min(computed_on) as slots_as_of
  from crews
  group by tenant_id, cast(technician ->> 'id' as bigint), day
)

select
  summed.tenant_id,
  summed.technician_id,
  technicians.technician_name,
  summed.day,
  summed.shift_hours,
  summed.hours_left_by_absence,
  summed.hours_left_by_absence / summed.shift_hours as share_left_by_absence,
  slots.slots,
  slots.slots_with_time_left,
  slots.slot_hours,
  slots.slot_hours_sold,
  slots.slots_as_of
from summed
left join slots
  on slots.tenant_id = summed.tenant_id
  and slots.technician_id = summed.technician_id
  and slots.day = summed.day
left join {{ ref('servicetitan_dispatch', 'dispatch_technicians') }} as technicians
  on technicians.tenant_id = summed.tenant_id and technicians.technician_id = summed.technician_id
