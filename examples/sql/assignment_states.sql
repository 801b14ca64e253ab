-- Each row is a stretch of time in which an assignment was seen in one state.
create or replace view assignment_states as
with versions as (
  select distinct on ("id", "modifiedOn")
    *,
    row("status", coalesce("isPaused", false), "active") as state
  from appointment_assignments
),
changes as (
  -- Most edits of a row leave its state as it was.
  select *
  from versions
  qualify state is distinct from lag(state) over (partition by "id" order by "modifiedOn")
)
select
  "id" as assignment_id,
  "appointmentId" as appointment_id,
  "technicianId" as technician_id,
  "technicianName" as technician_name,
  "status" as status,
  coalesce("isPaused", false) as paused,
  "active" as active,
  "modifiedOn" as since,
  lead("modifiedOn") over (partition by "id" order by "modifiedOn") as until
from changes;
