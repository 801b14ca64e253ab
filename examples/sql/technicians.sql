-- Each row is a technician who was ever assigned to something, by the name that came last.
create or replace view technicians as
select
  "technicianId" as technician_id,
  arg_max("technicianName", "modifiedOn") as technician_name
from appointment_assignments
where "technicianName" is not null
group by "technicianId";
