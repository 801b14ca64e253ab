{% set columns = [
  ('weekdays', 'weekdays', 'json'),
  ('saturday', 'saturday', 'json'),
  ('sunday', 'sunday', 'json'),
] %}
{{ rows_of_the_latest_load('business_hours', [], columns) }}
