-- Each row is a reason for which rows of a stream count for nothing in the marts, and how many do.
with odd as (
  select
    tenant_id,
    'technician_shifts' as stream,
    case
      when starts_at is null or ends_at is null then 'without beginning or end'
      when ends_at <= starts_at then 'ends before it begins'
      else 'a shift of more than a week'
    end as reason,
    shift_id as row_id
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_technician_shifts') }}
  where active
    and shift_type in ('Normal', 'TimeOff')
    and (
      starts_at is null
      or ends_at is null
      or ends_at <= starts_at
      or (shift_type = 'Normal' and ends_at > starts_at + {{ servicetitan_dispatch.longest_shift() }})
    )

  union all

  select
    tenant_id,
    'non_job_appointments' as stream,
    case
      when starts_at is null or duration_seconds is null then 'without beginning or end'
      else 'ends before it begins'
    end as reason,
    non_job_appointment_id as row_id
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_non_job_appointments') }}
  where active and (starts_at is null or duration_seconds is null or duration_seconds <= 0)

  union all

  select tenant_id, 'appointment_assignments' as stream, 'without modifiedOn' as reason, assignment_id as row_id
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_assignment_versions') }}
  where modified_on is null
)

select tenant_id, stream, reason, count(*) as left_out, min(row_id) as for_instance
from odd
group by tenant_id, stream, reason
