{% set columns = [
  ('runId', 'run_id', 'text'),
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
{{ all_versions(['sync_log'], ['run_id', 'stream'], columns) }}
