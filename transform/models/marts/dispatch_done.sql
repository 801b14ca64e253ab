-- Each row is an assignment that is done, with when its steps were seen, as far as they were.
with times as (
  select
    tenant_id,
    assignment_id,
    appointment_id,
    technician_id,
    min(seen_since) filter (where status = 'Dispatched') as dispatched_on,
    min(seen_since) filter (where status = 'Working') as working_on,
    max(seen_since) filter (where status = 'Done' and active and seen_until is null) as done_on,
    coalesce(
      sum({{ servicetitan_dispatch.minutes_between('seen_since', 'seen_until') }})
        filter (where status = 'Working' and is_paused),
      0
    ) as minutes_paused
  from {{ ref('servicetitan_dispatch', 'dispatch_assignment_history') }}
  group by tenant_id, assignment_id, appointment_id, technician_id
)

select
  times.*,
  {{ servicetitan_dispatch.day_of('times.done_on', 'tenants.time_zone') }} as day,
  coalesce(times.done_on > times.dispatched_on, false) as is_measured
from times
inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
  on tenants.tenant_id = times.tenant_id
where times.done_on is not null
