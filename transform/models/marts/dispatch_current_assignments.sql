-- Each row is a technician who is assigned to an appointment now.
with ranked as (
  select
    *,
    row_number() over (
      partition by tenant_id, technician_id, appointment_id
      order by modified_on desc nulls last, assignment_id desc
    ) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_appointment_assignments') }}
)

select
  status,
  coalesce(is_paused, false) as is_paused,
  technician_name,
  appointment_id,
  job_id,
  modified_on,
  tenant_id,
  technician_id,
  assignment_id,
  assigned_on,
  count(*) over (partition by tenant_id, appointment_id) as crew
from ranked
where nth = 1 and active
