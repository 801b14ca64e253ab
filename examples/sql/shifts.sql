-- Each row is a shift as it is now.
create or replace view shifts as
select
  "technicianId" as technician_id,
  "shiftType" as shift_type,
  "start" as begins,
  "end" as ends
from technician_shifts
qualify row_number() over (partition by "id" order by "modifiedOn" desc) = 1 and "active";
