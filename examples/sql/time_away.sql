-- Each row is a stretch of time in which a technician takes no jobs: a non-job appointment as it is
-- now, or a shift that says time off.

-- The seconds of a .NET time span: 01:30:00, with days before a full stop 1.02:00:00.
create or replace macro seconds_of(span) as
  case
    when span like '%.%:%'
      then 86400 * cast(split_part(span, '.', 1) as bigint)
        + epoch(cast(substr(span, strpos(span, '.') + 1) as interval))
    else epoch(cast(span as interval))
  end;

create or replace view time_away as
select
  "technicianId" as technician_id,
  "name" as occasion,
  "start" as begins,
  "start" + to_seconds(seconds_of("duration")) as ends
from non_job_appointments
qualify row_number() over (partition by "id" order by "modifiedOn" desc) = 1 and "active"
union all
select technician_id, 'Time off', begins, ends
from shifts
where shift_type = 'TimeOff';
