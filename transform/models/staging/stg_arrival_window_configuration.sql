{% set columns = [
  ('configuration', 'configuration', 'text'),
] %}
{{ rows_of_the_latest_load('arrival_window_configuration', [], columns) }}
