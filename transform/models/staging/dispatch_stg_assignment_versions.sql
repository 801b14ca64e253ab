{% set columns = [
  ('id', 'assignment_id', 'bigint'),
  ('technicianId', 'technician_id', 'bigint'),
  ('technicianName', 'technician_name', 'text'),
  ('assignedById', 'assigned_by_id', 'bigint'),
  ('assignedOn', 'assigned_on', 'time'),
  ('status', 'status', 'text'),
  ('isPaused', 'is_paused', 'boolean'),
  ('jobId', 'job_id', 'bigint'),
  ('appointmentId', 'appointment_id', 'bigint'),
  ('createdOn', 'created_on', 'time'),
  ('modifiedOn', 'modified_on', 'time'),
  ('active', 'active', 'boolean'),
] %}
{% set needed = ['id', 'technicianId', 'status', 'appointmentId', 'modifiedOn', 'active'] %}
{{ servicetitan_dispatch.all_versions(['appointment_assignments', 'appointment_assignments_history'], ['assignment_id', 'modified_on'], columns, needed) }}
