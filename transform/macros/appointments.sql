{#
  The rows of a source of appointments that the var `dispatch_appointments` names, whoever loads it:
  anything that can stand after `from`. Columns are those of the var `dispatch_appointments_columns`;
  by default they have the names of the Jobs API. Of several rows of an appointment the one counts that
  was modified last. Without a source there are no rows.
#}
{% macro appointments_named() %}
  {%- set source = var('dispatch_appointments', none) or env_var('DISPATCH_APPOINTMENTS', '') -%}
  {%- set names = {
    'appointment_id': 'id',
    'job_id': 'jobId',
    'starts_at': 'start',
    'ends_at': 'end',
    'window_starts_at': 'arrivalWindowStart',
    'window_ends_at': 'arrivalWindowEnd',
    'modified_on': 'modifiedOn',
    'tenant_id': none,
  } -%}
  {%- do names.update(var('dispatch_appointments_columns', {})) -%}
  {%- set types = {} -%}
  {%- if source and execute -%}
    {%- for column in adapter.get_column_schema_from_query('select * from ' ~ source ~ ' limit 0') -%}
      {%- do types.update({column.name: column.data_type | lower}) -%}
    {%- endfor -%}
    {%- set missing = names.values() | select('string') | reject('in', types) | list -%}
    {%- if missing -%}
      {%- do exceptions.raise_compiler_error(
        'No ' ~ missing | join(', ') ~ ' in ' ~ source ~ ', which dispatch_appointments names. '
        ~ 'Say what these columns are called there in the var dispatch_appointments_columns.'
      ) -%}
    {%- endif -%}
  {%- endif -%}
  with named as (
    select
      {%- for name, column in names.items() %}
      {% if name in ('appointment_id', 'job_id', 'tenant_id') -%}
      {% if not source or not column -%} cast({{ 0 if name == 'tenant_id' else 'null' }} as bigint)
      {%- else -%} cast("{{ column }}" as bigint) {%- endif %}
      {%- elif not source or not column -%} cast(null as timestamptz)
      {# As DuckDB and dbt-postgres call it #}
      {%- elif types.get(column) in ('timestamp', 'datetime') -%} "{{ column }}" at time zone 'UTC'
      {%- else -%} cast("{{ column }}" as timestamptz)
      {%- endif %} as {{ name }} {{- ',' if not loop.last }}
      {%- endfor %}
    {% if source -%} from {{ source }} {%- else -%} where false {%- endif %}
  ),

  ranked as (
    select
      *,
      row_number() over (
        partition by tenant_id, appointment_id order by modified_on desc nulls last
      ) as nth
    from named
    where appointment_id is not null
  )

  select tenant_id, appointment_id, job_id, starts_at, ends_at, window_starts_at, window_ends_at, modified_on
  from ranked
  where nth = 1
{% endmacro %}
