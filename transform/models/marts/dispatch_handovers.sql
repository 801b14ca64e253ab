-- Each row is a time at which an appointment went from one technician to another.
with received as (
  select
    *,
    row_number() over (partition by tenant_id, assignment_id order by seen_since) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_assignment_history') }}
  where active
),

-- A dispatcher may assign the next one first, or leave an appointment to nobody for a while
candidates as (
  select
    withdrawals.*,
    received.assignment_id as to_assignment_id,
    received.technician_id as to_technician_id,
    received.technician_name as to_technician_name,
    received.assigned_by_id as handed_over_by_id,
    received.created_on as handed_over_on,
    rank() over (
      partition by withdrawals.tenant_id, withdrawals.assignment_id, withdrawals.withdrawn_on
      order by abs({{ servicetitan_dispatch.minutes_between('withdrawals.withdrawn_on', 'received.created_on') }})
    ) as nearness
  from {{ ref('servicetitan_dispatch', 'dispatch_withdrawals') }} as withdrawals
  inner join received
    on received.tenant_id = withdrawals.tenant_id
    and received.appointment_id = withdrawals.appointment_id
    and received.technician_id <> withdrawals.technician_id
    and received.created_on >= withdrawals.withdrawn_on - interval '5 minutes'
    and received.created_on <= withdrawals.withdrawn_on + interval '1 hour'
  where received.nth = 1
),

-- A crew is handed over to a crew one by one, in the order in which they were assigned
counted as (
  select
    *,
    row_number() over (
      partition by tenant_id, assignment_id, withdrawn_on order by to_assignment_id
    ) as nth_to,
    count(*) over (partition by tenant_id, assignment_id, withdrawn_on) as many_to,
    dense_rank() over (
      partition by tenant_id, appointment_id, withdrawn_on order by assignment_id
    ) as nth_from
  from candidates
  where nearness = 1
),

dispatched as (
  select tenant_id, assignment_id, dispatched_on
  from {{ ref('servicetitan_dispatch', 'dispatch_steps') }}
)

select
  counted.tenant_id,
  counted.appointment_id,
  counted.job_id,
  counted.assignment_id as from_assignment_id,
  counted.technician_id as from_technician_id,
  counted.technician_name as from_technician_name,
  counted.to_assignment_id,
  counted.to_technician_id,
  counted.to_technician_name,
  counted.withdrawn_on,
  counted.handed_over_on,
  counted.day,
  counted.was_dispatched,
  counted.assigned_by_id,
  counted.handed_over_by_id,
  {{ servicetitan_dispatch.minutes_between('counted.handed_over_on', 'dispatched.dispatched_on') }} / 60 as hours_before_dispatch,
  counted.hours_before_start,
  counted.gap_minutes
from counted
left join dispatched
  on dispatched.tenant_id = counted.tenant_id
  and dispatched.assignment_id = counted.to_assignment_id
where counted.nth_to = least(counted.nth_from, counted.many_to)
