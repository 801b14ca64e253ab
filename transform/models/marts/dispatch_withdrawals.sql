-- Each row is a time at which a technician was taken off an appointment.
with compared as (
  select
    *,
    row_number() over of_assignment as nth,
    lag(active) over of_assignment as active_before,
    max(case when status in ('Dispatched', 'Working', 'Done') then 1 else 0 end) over of_assignment = 1 as was_dispatched,
    -- Who is taken off may leave a row that goes on looking alive, and a new one that is not
    greatest(
      max(case when active then created_on end) over of_pair,
      nullif(created_on, seen_since)
    ) as assigned_on
  from {{ ref('servicetitan_dispatch', 'dispatch_assignment_history') }}
  window
    of_assignment as (partition by tenant_id, assignment_id order by seen_since),
    of_pair as (
      partition by tenant_id, appointment_id, technician_id
      order by seen_since, assignment_id
    )
),

withdrawn as (
  select *, seen_since as withdrawn_on
  from compared
  where not active and (nth = 1 or active_before)
),

gaps as (
  {{ servicetitan_dispatch.gaps_around('withdrawn', ['assignment_id', 'nth'], 'withdrawn_on') }}
)

select
  withdrawn.tenant_id,
  withdrawn.assignment_id,
  withdrawn.appointment_id,
  withdrawn.job_id,
  withdrawn.technician_id,
  withdrawn.technician_name,
  withdrawn.withdrawn_on,
  {{ servicetitan_dispatch.day_of('withdrawn.withdrawn_on', 'tenants.time_zone') }} as day,
  withdrawn.was_dispatched,
  withdrawn.assigned_by_id,
  withdrawn.assigned_on,
  {{ servicetitan_dispatch.minutes_between('withdrawn.assigned_on', 'withdrawn.withdrawn_on') }} / 60 as hours_assigned,
  promised.starts_at,
  {{ servicetitan_dispatch.minutes_between('withdrawn.withdrawn_on', 'promised.starts_at') }} / 60 as hours_before_start,
  gaps.gap_minutes
from withdrawn
inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
  on tenants.tenant_id = withdrawn.tenant_id
left join gaps
  on gaps.tenant_id = withdrawn.tenant_id
  and gaps.assignment_id = withdrawn.assignment_id
  and gaps.nth = withdrawn.nth
left join {{ ref('servicetitan_dispatch', 'dispatch_promised') }} as promised
  on promised.tenant_id = withdrawn.tenant_id and promised.appointment_id = withdrawn.appointment_id
