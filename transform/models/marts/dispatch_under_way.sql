-- Each row is a technician who is on the way to an appointment or at work on it, by the status of the
-- assignment: who really is, and who has only been forgotten there.
with last_loads as (
  select tenant_id, max(loaded_at) as as_of
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }}
  group by tenant_id
),

-- A visit that was begun after another one says that the other one is over. Being sent on does not:
-- that may happen while the work goes on
last_begun as (
  select
    tenant_id,
    technician_id,
    greatest(max(working_on), max(dispatched_on) filter (where done_on is not null)) as begun_on
  from {{ ref('servicetitan_dispatch', 'dispatch_steps') }}
  group by tenant_id, technician_id
),

under_way as (
  select
    assignments.tenant_id,
    assignments.technician_id,
    assignments.technician_name,
    assignments.appointment_id,
    assignments.job_id,
    assignments.assignment_id,
    assignments.assigned_by_id,
    assignments.status,
    assignments.is_paused,
    states.seen_since as since,
    case assignments.status when 'Working' then steps.working_on else steps.dispatched_on end as begun_on,
    assignments.crew
  from {{ ref('servicetitan_dispatch', 'dispatch_current_assignments') }} as assignments
  inner join {{ ref('servicetitan_dispatch', 'dispatch_steps') }} as steps
    on steps.tenant_id = assignments.tenant_id and steps.assignment_id = assignments.assignment_id
  inner join {{ ref('servicetitan_dispatch', 'dispatch_assignment_history') }} as states
    on states.tenant_id = assignments.tenant_id
    and states.assignment_id = assignments.assignment_id
    and states.seen_until is null
  where assignments.status in ('Dispatched', 'Working')
)

select
  under_way.*,
  case
    when last_begun.begun_on > under_way.begun_on then 'began another visit later'
    when under_way.begun_on <= last_loads.as_of - {{ servicetitan_dispatch.longest_visit() }} then 'too long ago'
  end as forgotten_because,
  coalesce(
    last_begun.begun_on > under_way.begun_on
      or under_way.begun_on <= last_loads.as_of - {{ servicetitan_dispatch.longest_visit() }},
    false
  ) as is_forgotten,
  last_loads.as_of
from under_way
left join last_begun
  on last_begun.tenant_id = under_way.tenant_id and last_begun.technician_id = under_way.technician_id
left join last_loads on last_loads.tenant_id = under_way.tenant_id
