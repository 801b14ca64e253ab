{% set columns = [
  ('configuration', 'configuration', 'text'),
] %}
{% set needed = [] %}
{{ servicetitan_dispatch.rows_of_the_latest_load('arrival_window_configuration', [], columns, needed) }}
