-- Each row is an assignment that is done, and that was seen to be dispatched before.
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
      sum({{ minutes_between('seen_since', 'seen_until') }})
        filter (where status = 'Working' and is_paused),
      0
    ) as minutes_paused
  from {{ ref('assignment_history') }}
  group by tenant_id, assignment_id, appointment_id, technician_id
)

select
  times.tenant_id,
  times.assignment_id,
  times.appointment_id,
  times.technician_id,
  technicians.technician_name,
  times.dispatched_on,
  times.working_on,
  times.done_on,
  {{ minutes_between('times.dispatched_on', 'times.working_on') }} as minutes_on_the_way,
  {{ minutes_between('times.working_on', 'times.done_on') }} as minutes_on_site,
  times.minutes_paused,
  {{ minutes_between('times.dispatched_on', 'times.done_on') }} as minutes
from times
left join {{ ref('technicians') }} as technicians
  on technicians.tenant_id = times.tenant_id and technicians.technician_id = times.technician_id
where times.done_on > times.dispatched_on
