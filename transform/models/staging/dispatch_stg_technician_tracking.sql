{% set columns = [
  ('technicianId', 'technician_id', 'bigint'),
  ('appointmentId', 'appointment_id', 'bigint'),
  ('technicianTrackingUrl', 'technician_tracking_url', 'text'),
] %}
{% set needed = ['technicianId', 'appointmentId'] %}
{{ servicetitan_dispatch.rows_of_the_latest_load('technician_tracking', ['technician_id', 'appointment_id'], columns, needed) }}
