{% set columns = [
  ('id', 'arrival_window_id', 'bigint'),
  ('start', 'starts_at', 'text'),
  ('duration', 'duration', 'text'),
  ('businessUnitIds', 'business_unit_ids', 'json'),
  ('active', 'active', 'boolean'),
] %}
with counted as (
{{ rows_of_the_latest_load('arrival_windows', ['arrival_window_id'], columns) }}
)

select
  *,
  {{ seconds_of('duration') }} as duration_seconds
from counted
