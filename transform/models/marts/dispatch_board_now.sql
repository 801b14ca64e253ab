-- Each row is a technician who was on shift or under way when assignments were loaded last.
with last_loads as (
  select
    tenant_id,
    loaded_at as as_of,
    gap_minutes,
    row_number() over (partition by tenant_id order by loaded_at desc) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }}
),

shifts as (
  select
    shifts.tenant_id,
    shifts.technician_id,
    min(shifts.starts_at) filter (where shifts.shift_type = 'Normal') as shift_starts_at,
    max(shifts.ends_at) filter (where shifts.shift_type = 'Normal') as shift_ends_at,
    count(*) filter (where shifts.shift_type = 'OnCall') > 0 as is_on_call
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_technician_shifts') }} as shifts
  inner join last_loads on last_loads.tenant_id = shifts.tenant_id and last_loads.nth = 1
  where shifts.active
    and shifts.shift_type in ('Normal', 'OnCall')
    and shifts.starts_at <= last_loads.as_of
    and shifts.ends_at > last_loads.as_of
    and shifts.ends_at <= shifts.starts_at + {{ servicetitan_dispatch.longest_shift() }}
  group by shifts.tenant_id, shifts.technician_id
),

absences as (
  select away.tenant_id, away.technician_id, max(away.ends_at) as away_until
  from {{ ref('servicetitan_dispatch', 'dispatch_time_away') }} as away
  inner join last_loads on last_loads.tenant_id = away.tenant_id and last_loads.nth = 1
  where away.starts_at <= last_loads.as_of and away.ends_at > last_loads.as_of
  group by away.tenant_id, away.technician_id
),

-- Whoever is at work may have been sent on already
under_way as (
  select
    *,
    row_number() over (
      partition by tenant_id, technician_id
      order by case status when 'Working' then 1 else 2 end, begun_on desc, assignment_id
    ) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_under_way') }}
  where not is_forgotten
),

-- When an appointment is to begin is known only where a source of appointments is named
planned as (
  select
    assignments.tenant_id,
    assignments.technician_id,
    assignments.appointment_id,
    promised.starts_at,
    row_number() over (
      partition by assignments.tenant_id, assignments.technician_id
      order by promised.starts_at, assignments.appointment_id
    ) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_current_assignments') }} as assignments
  inner join {{ ref('servicetitan_dispatch', 'dispatch_promised') }} as promised
    on promised.tenant_id = assignments.tenant_id
    and promised.appointment_id = assignments.appointment_id
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = assignments.tenant_id
  inner join last_loads on last_loads.tenant_id = assignments.tenant_id and last_loads.nth = 1
  where assignments.status = 'Scheduled'
    and promised.starts_at >= {{ servicetitan_dispatch.midnight_of(
      servicetitan_dispatch.day_of('last_loads.as_of', 'tenants.time_zone'), 'tenants.time_zone'
    ) }}
),

last_done as (
  select tenant_id, technician_id, max(done_on) as last_done_on
  from {{ ref('servicetitan_dispatch', 'dispatch_steps') }}
  group by tenant_id, technician_id
),

technicians as (
  select tenant_id, technician_id from shifts
  union
  select tenant_id, technician_id from under_way
)

select
  technicians.tenant_id,
  technicians.technician_id,
  names.technician_name,
  case
    when now_at.status = 'Working' and now_at.is_paused then 'paused'
    when now_at.status = 'Working' then 'on site'
    when now_at.status = 'Dispatched' then 'on the way'
    when absences.away_until is not null then 'away'
    else 'nothing under way'
  end as state,
  now_at.since,
  now_at.appointment_id,
  now_at.job_id,
  now_at.assignment_id,
  coalesce(sent_on.appointment_id, planned.appointment_id) as next_appointment_id,
  case when sent_on.appointment_id is null then planned.starts_at end as next_starts_at,
  sent_on.appointment_id is not null as is_sent_on,
  last_done.last_done_on,
  shifts.shift_starts_at is not null as is_on_shift,
  shifts.shift_starts_at,
  shifts.shift_ends_at,
  coalesce(shifts.is_on_call, false) as is_on_call,
  absences.away_until,
  last_loads.as_of,
  last_loads.gap_minutes
from technicians
left join under_way as now_at
  on now_at.tenant_id = technicians.tenant_id
  and now_at.technician_id = technicians.technician_id
  and now_at.nth = 1
left join under_way as sent_on
  on sent_on.tenant_id = technicians.tenant_id
  and sent_on.technician_id = technicians.technician_id
  and sent_on.nth = 2
left join planned
  on planned.tenant_id = technicians.tenant_id
  and planned.technician_id = technicians.technician_id
  and planned.nth = 1
left join last_done
  on last_done.tenant_id = technicians.tenant_id
  and last_done.technician_id = technicians.technician_id
left join shifts
  on shifts.tenant_id = technicians.tenant_id and shifts.technician_id = technicians.technician_id
left join absences
  on absences.tenant_id = technicians.tenant_id and absences.technician_id = technicians.technician_id
left join {{ ref('servicetitan_dispatch', 'dispatch_technicians') }} as names
  on names.tenant_id = technicians.tenant_id and names.technician_id = technicians.technician_id
inner join last_loads
  on last_loads.tenant_id = technicians.tenant_id and last_loads.nth = 1
