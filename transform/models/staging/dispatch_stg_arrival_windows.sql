{% set columns = [
  ('id', 'arrival_window_id', 'bigint'),
  ('start', 'starts_at', 'text'),
  ('duration', 'duration', 'text'),
  ('businessUnitIds', 'business_unit_ids', 'json'),
  ('active', 'active', 'boolean'),
] %}
{% set needed = ['id'] %}
with counted as (
{{ servicetitan_dispatch.rows_of_the_latest_load('arrival_windows', ['arrival_window_id'], columns, needed) }}
)

select
  *,
  {{ servicetitan_dispatch.seconds_of('duration') }} as duration_seconds
from counted
