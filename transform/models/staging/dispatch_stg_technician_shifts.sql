{% set columns = [
  ('id', 'shift_id', 'bigint'),
  ('shiftType', 'shift_type', 'text'),
  ('title', 'title', 'text'),
  ('note', 'note', 'text'),
  ('active', 'active', 'boolean'),
  ('technicianId', 'technician_id', 'bigint'),
  ('start', 'starts_at', 'time'),
  ('end', 'ends_at', 'time'),
  ('timesheetCodeId', 'timesheet_code_id', 'bigint'),
  ('createdOn', 'created_on', 'time'),
  ('modifiedOn', 'modified_on', 'time'),
] %}
{% set needed = ['id', 'shiftType', 'active', 'technicianId', 'start', 'end'] %}
{{ servicetitan_dispatch.latest_rows('technician_shifts', ['shift_id'], columns, needed) }}
