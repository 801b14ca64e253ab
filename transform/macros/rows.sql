{# Which of the loaded rows of a stream count. #}

{#
  The latest row of each key that was not deleted for good. A later load is never older, whatever
  `modified_on` says: it may have been moved back, or be null.
#}
{% macro latest_rows(stream, key, columns, needed) %}
with loaded as (
  {{ servicetitan_dispatch.rows_of(stream, columns, needed) }}
),

ranked as (
  select
    *,
    row_number() over (
      partition by {{ (['tenant_id'] + key) | join(', ') }}
      order by loaded_at desc nulls last, modified_on desc nulls last, line desc
    ) as nth
  from loaded
)

select {{ servicetitan_dispatch.shown(columns) }}
from ranked
where nth = 1 and not is_deleted
{% endmacro %}


{#
  The rows of the latest load; what it did not bring is gone. For streams that come whole. A load that
  brought no row at all is known by `sync_log` only.
#}
{% macro rows_of_the_latest_load(stream, key, columns, needed) %}
with loaded as (
  {{ servicetitan_dispatch.rows_of(stream, columns, needed) }}
),

told as (
  {{ servicetitan_dispatch.rows_of(
    'sync_log', [('stream', 'stream', 'text'), ('outcome', 'outcome', 'text')], is_told=false
  ) }}
),

-- Only a single tenant's rows have no number, and the log has one for it all the same
loads as (
  select tenant_id, loaded_at
  from loaded

  union all

  select
    case when exists (select 1 from loaded where tenant_id = 0) then 0 else tenant_id end as tenant_id,
    loaded_at
  from told
  where stream = '{{ stream }}' and outcome = 'complete'
),

latest as (
  select tenant_id, max(loaded_at) as loaded_at
  from loads
  group by tenant_id
),

ranked as (
  select
    loaded.*,
    row_number() over (
      partition by {{ (['loaded.tenant_id'] + key) | join(', ') }} order by line desc
    ) as nth
  from loaded
  inner join latest on latest.tenant_id = loaded.tenant_id and latest.loaded_at = loaded.loaded_at
)

select {{ servicetitan_dispatch.shown(columns) }}
from ranked
where nth = 1 and not is_deleted
{% endmacro %}


{# Each version of each key that was ever loaded into one of several streams, and when it first came. #}
{% macro all_versions(streams, key, columns, needed) %}
with loaded as (
  {% for stream in streams %}
  {{ servicetitan_dispatch.rows_of(stream, columns, needed) }}
  {{ 'union all' if not loop.last }}
  {% endfor %}
),

ranked as (
  select
    *,
    min(loaded_at) over (partition by {{ (['tenant_id'] + key) | join(', ') }}) as first_loaded_at,
    row_number() over (
      partition by {{ (['tenant_id'] + key) | join(', ') }} order by loaded_at desc nulls last, line desc
    ) as nth
  from loaded
)

select {{ servicetitan_dispatch.shown(columns) }}, first_loaded_at
from ranked
where nth = 1
{% endmacro %}


{% macro shown(columns) -%}
  tenant_id
  {%- for _, alias, _ in columns if alias != 'tenant_id' %}, {{ alias }}{% endfor %}
{%- endmacro %}
