{% set columns = [
  ('id', 'non_job_appointment_id', 'bigint'),
  ('technicianId', 'technician_id', 'bigint'),
  ('start', 'starts_at', 'time'),
  ('name', 'name', 'text'),
  ('duration', 'duration', 'text'),
  ('timesheetCodeId', 'timesheet_code_id', 'bigint'),
  ('summary', 'summary', 'text'),
  ('clearDispatchBoard', 'clear_dispatch_board', 'boolean'),
  ('clearTechnicianView', 'clear_technician_view', 'boolean'),
  ('removeTechnicianFromCapacityPlanning', 'remove_technician_from_capacity_planning', 'boolean'),
  ('allDay', 'all_day', 'boolean'),
  ('showOnTechnicianSchedule', 'show_on_technician_schedule', 'boolean'),
  ('active', 'active', 'boolean'),
  ('createdOn', 'created_on', 'time'),
  ('modifiedOn', 'modified_on', 'time'),
  ('createdById', 'created_by_id', 'bigint'),
] %}
{% set needed = ['id', 'technicianId', 'start', 'duration', 'active'] %}
with counted as (
{{ servicetitan_dispatch.latest_rows('non_job_appointments', ['non_job_appointment_id'], columns, needed) }}
)

select
  *,
  {{ servicetitan_dispatch.seconds_of('duration') }} as duration_seconds
from counted
