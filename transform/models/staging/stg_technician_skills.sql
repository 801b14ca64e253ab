{% set columns = [
  ('id', 'skill_id', 'text'),
  ('name', 'name', 'text'),
  ('active', 'active', 'boolean'),
  ('technicianId', 'technician_id', 'bigint'),
  ('jobTypeIds', 'job_type_ids', 'json'),
  ('createdOn', 'created_on', 'time'),
  ('modifiedOn', 'modified_on', 'time'),
] %}
{{ latest_rows('technician_skills', ['skill_id'], columns) }}
