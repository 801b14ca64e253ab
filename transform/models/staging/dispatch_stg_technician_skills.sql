{% set columns = [
  ('id', 'skill_id', 'text'),
  ('name', 'name', 'text'),
  ('active', 'active', 'boolean'),
  ('technicianId', 'technician_id', 'bigint'),
  ('jobTypeIds', 'job_type_ids', 'json'),
  ('createdOn', 'created_on', 'time'),
  ('modifiedOn', 'modified_on', 'time'),
] %}
{% set needed = ['id'] %}
{{ servicetitan_dispatch.latest_rows('technician_skills', ['skill_id'], columns, needed) }}
