{% set columns = [
  ('runId', 'run_id', 'text'),
  ('tenantName', 'tenant_name', 'text'),
  ('timezone', 'time_zone', 'text'),
  ('stream', 'stream', 'text'),
  ('startedAt', 'started_at', 'time'),
  ('endedAt', 'ended_at', 'time'),
  ('outcome', 'outcome', 'text'),
  ('reason', 'reason', 'text'),
  ('rows', 'rows_written', 'bigint'),
  ('requests', 'requests', 'bigint'),
  ('retries', 'retries', 'bigint'),
  ('waitedSeconds', 'waited_seconds', 'number'),
  ('bookmark', 'bookmark', 'text'),
  ('reached', 'reached', 'time'),
  ('sourceRows', 'source_rows', 'bigint'),
  ('unknownFields', 'unknown_fields', 'json'),
  ('tapVersion', 'tap_version', 'text'),
] %}
{% set needed = ['runId', 'stream', 'endedAt', 'outcome'] %}
{{ servicetitan_dispatch.all_versions(['sync_log'], ['run_id', 'stream'], columns, needed) }}
