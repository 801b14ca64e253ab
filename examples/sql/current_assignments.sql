-- Each row is a technician who is assigned to an appointment now.
create or replace view current_assignments as
with latest as (
  select *
  from appointment_assignments
  qualify row_number() over (
    partition by "technicianId", "appointmentId" order by "modifiedOn" desc, "id" desc
  ) = 1
)
select
  "appointmentId" as appointment_id,
  "jobId" as job_id,
  "technicianId" as technician_id,
  "technicianName" as technician_name,
  "id" as assignment_id,
  "status" as status,
  coalesce("isPaused", false) as paused,
  "assignedOn" as assigned_on,
  "modifiedOn" as modified_on,
  count(*) over (partition by "appointmentId") as crew
from latest
where "active";
