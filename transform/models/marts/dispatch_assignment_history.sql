-- Each row is a stretch of time in which an assignment was seen in one state.
with compared as (
  select
    *,
    row_number() over passing as nth,
    lag(status) over passing as status_before,
    lag(coalesce(is_paused, false)) over passing as is_paused_before,
    lag(active) over passing as active_before,
    count(*) over of_assignment as versions_loaded,
    max(modified_on) over of_assignment as last_modified_on
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_assignment_versions') }}
  where modified_on is not null
  window
    of_assignment as (partition by tenant_id, assignment_id),
    passing as (partition by tenant_id, assignment_id order by modified_on)
),

-- Most edits of a row leave its state as it was.
changes as (
  select *
  from compared
  where nth = 1
    or status is distinct from status_before
    or coalesce(is_paused, false) is distinct from is_paused_before
    or active is distinct from active_before
)

select
  tenant_id,
  assignment_id,
  appointment_id,
  technician_id,
  technician_name,
  status,
  coalesce(is_paused, false) as is_paused,
  active,
  modified_on as seen_since,
  lead(modified_on) over (
    partition by tenant_id, assignment_id order by modified_on
  ) as seen_until,
  versions_loaded,
  last_modified_on
from changes
