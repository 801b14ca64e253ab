{% set columns = [
  ('id', 'zone_id', 'bigint'),
  ('active', 'active', 'boolean'),
  ('name', 'name', 'text'),
  ('zips', 'zips', 'json'),
  ('cities', 'cities', 'json'),
  ('territoryNumbers', 'territory_numbers', 'json'),
  ('locnNumbers', 'locn_numbers', 'json'),
  ('createdBy', 'created_by', 'bigint'),
  ('createdOn', 'created_on', 'time'),
  ('modifiedOn', 'modified_on', 'time'),
  ('serviceDaysEnabled', 'service_days_enabled', 'boolean'),
  ('serviceDays', 'service_days', 'json'),
  ('businessUnits', 'business_units', 'json'),
  ('technicians', 'technicians', 'json'),
] %}
{% set needed = ['id'] %}
{{ servicetitan_dispatch.latest_rows('zones', ['zone_id'], columns, needed) }}
