{# All that DuckDB and PostgreSQL say differently. #}

{# A row for each day from one date to another, both included. #}
{% macro each_day(first, last) %}{{ adapter.dispatch('each_day')(first, last) }}{% endmacro %}

{% macro duckdb__each_day(first, last) -%}
  unnest(generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval 1 day))
{%- endmacro %}

{% macro postgres__each_day(first, last) -%}
  generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval '1 day')
{%- endmacro %}


{# A row for each element of a JSON array. #}
{% macro each_element(array) %}{{ adapter.dispatch('each_element')(array) }}{% endmacro %}

{% macro duckdb__each_element(array) %}unnest(cast({{ array }} as json[])){% endmacro %}

{% macro postgres__each_element(array) %}jsonb_array_elements({{ array }}){% endmacro %}


{#
  The rows of a stream as they were loaded, with the columns that are asked for, `tenant_id`,
  `loaded_from`, by which later loads can be told from earlier ones, and `is_deleted`. A stream that
  was never loaded has no rows.

  Args:
    stream: Its name.
    columns: For each its name in the API, its name here and its type.
#}
{% macro rows_of(stream, columns) %}{{ adapter.dispatch('rows_of')(stream, columns) }}{% endmacro %}

{# The files of target-jsonl: one for each run, or one for all of them. #}
{% macro duckdb__rows_of(stream, columns) %}
  {%- do source('dispatch', stream) -%}
  {%- set files = env_var('TARGET_JSONL_DESTINATION_PATH', 'output') ~ '/' ~ stream ~ '[-.]*jsonl' -%}
  {%- set found = execute and run_query("select 1 from glob('" ~ files ~ "') limit 1").rows -%}
  select
    {%- for name, alias, type in columns %}
    {% if not found -%} cast(null as {{ duckdb__type(type) }})
    {%- elif type == 'time' -%} cast("{{ name }}" as timestamptz)
    {%- else -%} "{{ name }}" {%- endif %} as {{ alias }},
    {%- endfor %}
    {% if found -%} coalesce("tenantId", 0) {%- else -%} cast(0 as bigint) {%- endif %} as tenant_id,
    {% if found -%} filename {%- else -%} '' {%- endif %} as loaded_from,
    false as is_deleted
  {% if found -%}
  from read_json(
    '{{ files }}',
    format = 'newline_delimited',
    maximum_object_size = 67108864,
    filename = true,
    columns = {
      {%- for name, _, type in columns if name != 'tenantId' %}
      "{{ name }}": '{{ duckdb__type(type) }}',
      {%- endfor %}
      "tenantId": 'bigint'
    }
  )
  {%- else -%}
  where false
  {%- endif %}
{% endmacro %}

{% macro duckdb__type(type) -%}
  {{ {'time': 'timestamptz', 'number': 'double', 'text': 'varchar'}.get(type, type) }}
{%- endmacro %}

{# The tables of target-postgres: times have no zone and are UTC, arrays are of many types. #}
{% macro postgres__rows_of(stream, columns) %}
  {%- set table = source('dispatch', stream) -%}
  {%- set relation = load_relation(table) if execute else none -%}
  {%- set types = {} -%}
  {%- if relation is not none -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {%- do types.update({column.name: column.data_type}) -%}
    {%- endfor -%}
  {%- endif -%}
  select
    {%- for name, alias, type in columns %}
    {% if name not in types -%} cast(null as {{ postgres__type(type) }})
    {%- elif types[name] == 'timestamp without time zone' -%} "{{ name }}" at time zone 'UTC'
    {%- elif type == 'json' -%} to_jsonb("{{ name }}")
    {%- else -%} cast("{{ name }}" as {{ postgres__type(type) }}) {%- endif %} as {{ alias }},
    {%- endfor %}
    {% if 'tenantId' in types -%} coalesce("tenantId", 0) {%- else -%} cast(0 as bigint) {%- endif %} as tenant_id,
    '' as loaded_from,
    {% if '_sdc_deleted_at' in types -%} "_sdc_deleted_at" is not null {%- else -%} false {%- endif %} as is_deleted
  {% if relation is not none -%} from {{ table }} {%- else -%} where false {%- endif %}
{% endmacro %}

{% macro postgres__type(type) -%}
  {{ {'time': 'timestamptz', 'number': 'double precision', 'json': 'jsonb'}.get(type, type) }}
{%- endmacro %}
