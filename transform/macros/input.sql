{# Where the loaded rows are, and what is said where they are not. #}

{#
  The rows of a stream as they were loaded, with the columns that are asked for, `tenant_id`,
  `loaded_at`, by which a later load is told from an earlier one, `line`, which does so within a
  load, and `is_deleted`. A stream that was never loaded, or is switched off, has no rows.

  Args:
    stream: Its name.
    columns: For each its name in the API, its name here and its type.
    needed: The names in the API of those without which nothing can be computed.
    is_told: Whether to say which of the columns were not loaded.
#}
{% macro rows_of(stream, columns, needed=[], is_told=true) %}
  {{- adapter.dispatch('dispatch_rows_of', 'servicetitan_dispatch')(stream, columns, needed, is_told) }}
{% endmacro %}

{# Whether a stream was ever loaded, and is not switched off. #}
{% macro is_loaded(stream) %}
  {{- return(adapter.dispatch('dispatch_is_loaded', 'servicetitan_dispatch')(stream)) }}
{% endmacro %}

{# Where is looked for a stream, in words. #}
{% macro whereabouts(stream) %}
  {{- return(adapter.dispatch('dispatch_whereabouts', 'servicetitan_dispatch')(stream)) }}
{% endmacro %}


{#
  Run before all models. Ends the build, before anything is touched, where there is nothing to build
  from, or where rows of several tenants cannot be told apart.
#}
{% macro look_for_input() %}
  {%- set reading = [] -%}
  {%- for each in selected_resources or [] if each.startswith('model.servicetitan_dispatch.dispatch_stg_') -%}
    {%- do reading.append(each) -%}
  {%- endfor -%}
  {%- if execute and flags.WHICH in ['build', 'run'] and reading -%}
    {%- if not servicetitan_dispatch.is_loaded('appointment_assignments') -%}
      {%- do exceptions.raise_compiler_error(
        'Nothing to build from: no appointment_assignments in '
        ~ servicetitan_dispatch.whereabouts('appointment_assignments')
      ) -%}
    {%- endif -%}
    {%- do servicetitan_dispatch.refuse_rows_of_unknown_tenants() -%}
  {%- endif -%}
{% endmacro %}

{# Rows of a single tenant do not say whose they are: nobody else's may be beside them. #}
{% macro refuse_rows_of_unknown_tenants() %}
  {%- set whose = [('tenantId', 'number', 'bigint')] -%}
  {%- set of_rows = run_query(
    'select distinct tenant_id from (' ~ servicetitan_dispatch.rows_of('appointment_assignments', [], is_told=false) ~ ') as found'
  ).columns[0].values() | map('int') | list -%}
  {%- set named = run_query(
    'select distinct number from ('
    ~ servicetitan_dispatch.rows_of('business_hours', whose, is_told=false) ~ ' union all '
    ~ servicetitan_dispatch.rows_of('arrival_window_configuration', whose, is_told=false)
    ~ ') as found where number is not null order by number'
  ).columns[0].values() | map('int') | list -%}
  {%- if 0 in of_rows and (of_rows | length > 1 or named | length > 1) -%}
    {%- do exceptions.raise_compiler_error(
      'Rows of several tenants, and some do not say whose they are: there are rows of a single tenant beside those of others ('
      ~ ((of_rows + named) | unique | reject('equalto', 0) | sort | join(', ')) ~ ') in '
      ~ servicetitan_dispatch.whereabouts('appointment_assignments')
      ~ ' Whoever is in both would count twice. Load a single tenant, the sandbox and a group into places of their own.'
    ) -%}
  {%- endif -%}
{% endmacro %}

{# Say which columns of a stream were not loaded; end the model if one is needed. #}
{% macro tell_of_missing_columns(stream, loaded, columns, needed) %}
  {%- set missing = [] -%}
  {%- for name, _, _ in columns if name not in loaded -%}{%- do missing.append(name) -%}{%- endfor -%}
  {%- set wanted = missing | select('in', needed) | list -%}
  {%- if wanted -%}
    {%- do exceptions.raise_compiler_error(
      stream ~ ' was loaded without ' ~ wanted | join(', ') ~ ', which the marts need, into '
      ~ servicetitan_dispatch.whereabouts(stream)
      ~ ' Select these fields and load with --full-refresh, or switch the stream off by the var dispatch_streams_off.'
    ) -%}
  {%- elif missing -%}
    {%- do exceptions.warn(
      stream ~ ' was loaded without ' ~ missing | join(', ') ~ ': null in dispatch_stg_' ~ stream
    ) -%}
  {%- endif -%}
{% endmacro %}

{% macro is_off(stream) %}{{ return(stream in var('dispatch_streams_off', [])) }}{% endmacro %}


{# A value as the API said it: a time in a key is never null, so the tap has `keep_history` put 1900 there. #}
{% macro said(value, alias) -%}
  {%- if alias in ['modified_on', 'computed_on'] -%} nullif({{ value }}, timestamptz '1900-01-01 00:00:00+00')
  {%- else -%} {{ value }} {%- endif -%}
{%- endmacro %}


{# DuckDB: the files of target-jsonl, one for each stream and load. ------------------------------ #}

{% macro folder() %}
  {{- return(var('dispatch_folder', none) or env_var('TARGET_JSONL_DESTINATION_PATH', 'output')) }}
{% endmacro %}

{% macro duckdb__dispatch_whereabouts(stream) %}
  {{- return(
    'files named ' ~ servicetitan_dispatch.folder() ~ '/' ~ stream ~ '-*.jsonl'
    ~ ('' if servicetitan_dispatch.folder().startswith('/') else ', seen from the folder in which dbt was started')
    ~ '. Another folder: TARGET_JSONL_DESTINATION_PATH or the var dispatch_folder.'
  ) }}
{% endmacro %}

{% macro duckdb__dispatch_is_loaded(stream) %}
  {{- return(servicetitan_dispatch.files_of(stream) | length > 0) }}
{% endmacro %}

{# The files of a stream, the earliest load first. #}
{% macro files_of(stream) %}
  {%- if not execute or servicetitan_dispatch.is_off(stream) -%}{{ return([]) }}{%- endif -%}
  {%- set files = servicetitan_dispatch.folder() ~ '/' ~ stream ~ '[-.]*jsonl' -%}
  {%- set found = run_query(
    "select file from glob('" ~ files | replace("'", "''") ~ "') order by file"
  ).columns[0].values() -%}
  {%- for file in found if not modules.re.search('-[0-9]{8}T[0-9]{6}[.]jsonl$', file) -%}
    {%- do exceptions.raise_compiler_error(
      file ~ ' has no time of a load in its name, so what is in it cannot be told from earlier and later loads. '
      ~ 'Set do_timestamp_file of target-jsonl to true, move the file away, and load with --full-refresh.'
    ) -%}
  {%- endfor -%}
  {{ return(found | list) }}
{% endmacro %}

{# Those of some files whose last line was not written to its end, as the target was killed or the disk full. #}
{% macro torn_files(stream, files) %}
  {%- set torn = run_query("
    with lines as (
      select filename, json, row_number() over () as line
      from read_ndjson_objects(" ~ servicetitan_dispatch.listed(files) ~ ", ignore_errors = true, filename = true, maximum_object_size = 67108864)
    )
    select filename
    from lines
    group by filename
    having count(*) filter (where json is null) = 1
      and max(line) filter (where json is null) = max(line)
    order by filename
  ").columns[0].values() | list -%}
  {{ return(torn) }}
{% endmacro %}

{% macro listed(files) %}
  {%- set quoted = [] -%}
  {%- for file in files -%}{%- do quoted.append("'" ~ file | replace("'", "''") ~ "'") -%}{%- endfor -%}
  {{ return('[' ~ quoted | join(', ') ~ ']') }}
{% endmacro %}

{% macro duckdb__dispatch_rows_of(stream, columns, needed, is_told) %}
  {%- do source('servicetitan_dispatch', stream) -%}
  {%- set files = servicetitan_dispatch.files_of(stream) -%}
  {%- set torn = servicetitan_dispatch.torn_files(stream, files) if files else [] -%}
  {%- if files and is_told -%}
    {%- for file in torn -%}
      {%- do exceptions.warn(
        'The last line of ' ~ file ~ ' is torn, and left out. Its row comes again with the next load; if none does, load with --full-refresh.'
      ) -%}
    {%- endfor -%}
    {%- set loaded = run_query("
      select distinct unnest(json_keys(json)) as name
      from (
        select json
        from read_ndjson_objects(" ~ servicetitan_dispatch.listed(files[-1:]) ~ ", ignore_errors = true, maximum_object_size = 67108864)
        limit 1000
      )
      where json is not null
    ").columns[0].values() | list -%}
    {%- if loaded -%}
      {%- do servicetitan_dispatch.tell_of_missing_columns(stream, loaded, columns, needed) -%}
    {%- endif -%}
  {%- endif -%}
  {%- set types = {'tenantId': 'bigint'} -%}
  {%- for name, _, type in columns -%}
    {%- do types.update({name: servicetitan_dispatch.duckdb__type(type)}) -%}
  {%- endfor -%}
  {%- set whole = files | reject('in', torn) | list -%}
  select
    {%- for name, alias, type in columns %}
    {% if files -%} {{ servicetitan_dispatch.said('"' ~ name ~ '"', alias) }} {%- else -%} cast(null as {{ types[name] }}) {%- endif %} as {{ alias }},
    {%- endfor %}
    {% if files -%} coalesce("tenantId", 0) {%- else -%} cast(0 as bigint) {%- endif %} as tenant_id,
    {% if files -%}
    timezone('UTC', strptime(regexp_extract(filename, '([0-9]{8}T[0-9]{6})[.]jsonl$', 1), '%Y%m%dT%H%M%S'))
    {%- else -%} cast(null as timestamptz) {%- endif %} as loaded_at,
    {% if files -%} row_number() over () {%- else -%} cast(0 as bigint) {%- endif %} as line,
    false as is_deleted
  {% if not files -%}
  where false
  {%- else -%}
  from (
    {% if whole -%}
    select *
    from read_json(
      {{ servicetitan_dispatch.listed(whole) if torn else "'" ~ (servicetitan_dispatch.folder() ~ '/' ~ stream) | replace("'", "''") ~ "-*.jsonl'" }},
      format = 'newline_delimited',
      maximum_object_size = 67108864,
      filename = true,
      columns = {
        {%- for name, type in types.items() %}
        "{{ name }}": '{{ type }}' {{- ',' if not loop.last }}
        {%- endfor %}
      }
    )
    {%- endif %}
    {% if whole and torn -%} union all by name {%- endif %}
    {% if torn -%}
    select
      {%- for name, type in types.items() %}
      {% if type == 'json' -%} json_extract(json, '$."{{ name }}"')
      {%- else -%} cast(json_extract_string(json, '$."{{ name }}"') as {{ type }}) {%- endif %} as "{{ name }}",
      {%- endfor %}
      filename
    from read_ndjson_objects({{ servicetitan_dispatch.listed(torn) }}, ignore_errors = true, filename = true, maximum_object_size = 67108864)
    where json is not null
    {%- endif %}
  )
  {%- endif %}
{% endmacro %}

{% macro duckdb__type(type) -%}
  {{ return({'time': 'timestamptz', 'number': 'double', 'text': 'varchar'}.get(type, type)) }}
{%- endmacro %}


{# PostgreSQL: the tables of target-postgres. ---------------------------------------------------- #}

{# The schema that somebody has named; nothing if nobody has. #}
{% macro schema_said() %}
  {{- return(
    var('dispatch_source_schema', none)
    or env_var('DISPATCH_SOURCE_SCHEMA', '')
    or env_var('TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA', '')
  ) }}
{% endmacro %}

{% macro postgres__dispatch_whereabouts(stream) %}
  {%- set table = servicetitan_dispatch.table_of(stream) -%}
  {{- return(
    'the schema ' ~ table.schema ~ ' of the database ' ~ table.database
    ~ '. Another schema: DISPATCH_SOURCE_SCHEMA or the var dispatch_source_schema.'
  ) }}
{% endmacro %}

{% macro postgres__dispatch_is_loaded(stream) %}
  {%- if not execute or servicetitan_dispatch.is_off(stream) -%}{{ return(false) }}{%- endif -%}
  {{- return(load_relation(servicetitan_dispatch.table_of(stream)) is not none) }}
{% endmacro %}

{#
  The table of a stream. Meltano does not tell dbt which extractor ran before it, and each extractor
  loads into a schema of its own name. So, unless somebody has named a schema, it is the only one of
  the tap's or of an extractor that inherits from it; where there are several, somebody has to.
#}
{% macro table_of(stream) %}
  {%- set table = source('servicetitan_dispatch', stream) -%}
  {%- if not execute or table.schema != 'tap_servicetitan_dispatch' or servicetitan_dispatch.schema_said() -%}
    {{ return(table) }}
  {%- endif -%}
  {%- set found = run_query("
    select table_schema
    from information_schema.tables
    where table_name = 'appointment_assignments'
      and (table_schema = 'tap_servicetitan_dispatch' or starts_with(table_schema, 'tap_servicetitan_dispatch__'))
    order by table_schema
  ").columns[0].values() | list -%}
  {%- if found | length > 1 -%}
    {%- do exceptions.raise_compiler_error(
      'Several schemas have appointment_assignments: ' ~ found | join(', ')
      ~ '. Say which one the marts are of: DISPATCH_SOURCE_SCHEMA or the var dispatch_source_schema.'
    ) -%}
  {%- endif -%}
  {{ return(table.incorporate(path={'schema': found[0]}) if found else table) }}
{% endmacro %}

{# Times have no zone there and are UTC, arrays are of many types. #}
{% macro postgres__dispatch_rows_of(stream, columns, needed, is_told) %}
  {%- set table = servicetitan_dispatch.table_of(stream) -%}
  {%- set types = {} -%}
  {%- if servicetitan_dispatch.is_loaded(stream) -%}
    {%- for column in adapter.get_columns_in_relation(table) -%}
      {%- do types.update({column.name: column.data_type}) -%}
    {%- endfor -%}
    {%- if is_told -%}
      {%- do servicetitan_dispatch.tell_of_missing_columns(stream, types, columns, needed) -%}
    {%- endif -%}
  {%- endif -%}
  select
    {%- for name, alias, type in columns %}
    {% if name not in types -%} cast(null as {{ servicetitan_dispatch.postgres__type(type) }})
    {%- elif types[name] == 'timestamp without time zone' -%} {{ servicetitan_dispatch.said('"' ~ name ~ '" at time zone \'UTC\'', alias) }}
    {%- elif type == 'json' -%} to_jsonb("{{ name }}")
    {%- else -%} cast("{{ name }}" as {{ servicetitan_dispatch.postgres__type(type) }}) {%- endif %} as {{ alias }},
    {%- endfor %}
    {% if 'tenantId' in types -%} coalesce("tenantId", 0) {%- else -%} cast(0 as bigint) {%- endif %} as tenant_id,
    {% if '_sdc_sync_started_at' in types -%} to_timestamp("_sdc_sync_started_at" / 1000.0)
    {%- elif types -%}
      {%- do exceptions.raise_compiler_error(
        stream ~ ' has no column _sdc_sync_started_at, by which loads are told apart. Set add_record_metadata of target-postgres to true, and load again.'
      ) -%}
    {%- else -%} cast(null as timestamptz) {%- endif %} as loaded_at,
    cast(0 as bigint) as line,
    {% if '_sdc_deleted_at' in types -%} "_sdc_deleted_at" is not null {%- else -%} false {%- endif %} as is_deleted
  {% if types -%} from {{ table }} {%- else -%} where false {%- endif %}
{% endmacro %}

{% macro postgres__type(type) -%}
  {{ return({'time': 'timestamptz', 'number': 'double precision', 'json': 'jsonb'}.get(type, type)) }}
{%- endmacro %}
