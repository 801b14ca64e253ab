{% set columns = [
  ('id', 'team_id', 'bigint'),
  ('active', 'active', 'boolean'),
  ('name', 'name', 'text'),
  ('createdBy', 'created_by', 'bigint'),
  ('createdOn', 'created_on', 'time'),
  ('modifiedOn', 'modified_on', 'time'),
] %}
{% set needed = ['id'] %}
{{ servicetitan_dispatch.latest_rows('teams', ['team_id'], columns, needed) }}
