{% set columns = [
  ('weekdays', 'weekdays', 'json'),
  ('saturday', 'saturday', 'json'),
  ('sunday', 'sunday', 'json'),
] %}
{% set needed = [] %}
{{ servicetitan_dispatch.rows_of_the_latest_load('business_hours', [], columns, needed) }}
