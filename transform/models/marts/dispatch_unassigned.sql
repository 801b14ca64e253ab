-- Each row is an appointment whose technicians were all taken off, before anybody had done it.
with withdrawn as (
  select
    *,
    count(*) over (partition by tenant_id, appointment_id) as technicians,
    row_number() over (
      partition by tenant_id, appointment_id order by withdrawn_on desc, assignment_id desc
    ) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_withdrawals') }}
),

assigned as (
  select distinct tenant_id, appointment_id
  from {{ ref('servicetitan_dispatch', 'dispatch_current_assignments') }}
),

last_loads as (
  select tenant_id, max(loaded_at) as as_of
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }}
  group by tenant_id
)

select
  withdrawn.tenant_id,
  withdrawn.appointment_id,
  withdrawn.job_id,
  withdrawn.technician_id as last_technician_id,
  withdrawn.technician_name as last_technician_name,
  withdrawn.assigned_by_id,
  withdrawn.withdrawn_on,
  withdrawn.was_dispatched,
  withdrawn.technicians as withdrawals,
  withdrawn.starts_at,
  last_loads.as_of
from withdrawn
left join assigned
  on assigned.tenant_id = withdrawn.tenant_id and assigned.appointment_id = withdrawn.appointment_id
left join last_loads on last_loads.tenant_id = withdrawn.tenant_id
where withdrawn.nth = 1 and assigned.appointment_id is null
