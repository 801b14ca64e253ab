{% set columns = [
  ('timeStamp', 'computed_on', 'time'),
  ('start', 'starts_at_local', 'text'),
  ('end', 'ends_at_local', 'text'),
  ('startUtc', 'starts_at', 'time'),
  ('endUtc', 'ends_at', 'time'),
  ('businessUnitKey', 'business_unit_key', 'text'),
  ('businessUnitIds', 'business_unit_ids', 'json'),
  ('totalAvailability', 'total_availability', 'number'),
  ('openAvailability', 'open_availability', 'number'),
  ('technicians', 'technicians', 'json'),
  ('isAvailable', 'is_available', 'boolean'),
  ('isExceedingIdealBookingPercentage', 'is_exceeding_ideal_booking_percentage', 'boolean'),
] %}
{% set needed = ['startUtc', 'endUtc', 'businessUnitKey', 'totalAvailability', 'openAvailability'] %}
{{ servicetitan_dispatch.all_versions(['capacities'], ['starts_at', 'ends_at', 'business_unit_key', 'computed_on'], columns, needed) }}
