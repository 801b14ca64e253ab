-- Each row is an assignment, with when its steps were first seen, as far as they were.
select
  tenant_id,
  assignment_id,
  appointment_id,
  technician_id,
  min(seen_since) filter (where status = 'Dispatched' and active) as dispatched_on,
  min(seen_since) filter (where status = 'Working' and active) as working_on,
  max(seen_since) filter (where status = 'Done' and active and seen_until is null) as done_on,
  coalesce(
    sum({{ servicetitan_dispatch.minutes_between('seen_since', 'seen_until') }})
      filter (where status = 'Working' and is_paused),
    0
  ) as minutes_paused
from {{ ref('servicetitan_dispatch', 'dispatch_assignment_history') }}
group by tenant_id, assignment_id, appointment_id, technician_id
