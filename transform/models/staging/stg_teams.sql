{% set columns = [
  ('id', 'team_id', 'bigint'),
  ('active', 'active', 'boolean'),
  ('name', 'name', 'text'),
  ('createdBy', 'created_by', 'bigint'),
  ('createdOn', 'created_on', 'time'),
  ('modifiedOn', 'modified_on', 'time'),
] %}
{{ latest_rows('teams', ['team_id'], columns) }}
