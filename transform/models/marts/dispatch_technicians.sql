-- Each row is a technician who was ever assigned to something, by the name in the row that changed last.
select distinct on (tenant_id, technician_id) tenant_id, technician_id, technician_name
from {{ ref('servicetitan_dispatch', 'dispatch_stg_appointment_assignments') }}
where technician_id is not null and technician_name is not null
order by tenant_id, technician_id, modified_on desc nulls last, assignment_id desc
