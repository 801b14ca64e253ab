-- Each row is a stretch of time in which a technician takes no jobs: a non-job appointment as it is
-- now, or a shift that says time off.
select
  tenant_id,
  technician_id,
  name as occasion,
  starts_at,
  starts_at + duration_seconds * interval '1 second' as ends_at
from {{ ref('servicetitan_dispatch', 'dispatch_stg_non_job_appointments') }}
where active and duration_seconds > 0

union all

select tenant_id, technician_id, 'Time off' as occasion, starts_at, ends_at
from {{ ref('servicetitan_dispatch', 'dispatch_stg_technician_shifts') }}
where active and shift_type = 'TimeOff' and ends_at > starts_at
