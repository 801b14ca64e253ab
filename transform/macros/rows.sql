{# Which of the loaded rows of a stream count. #}

{# The latest row of each key that was not deleted for good. #}
{% macro latest_rows(stream, key, columns) %}
with loaded as (
  {{ rows_of(stream, columns) }}
),

ranked as (
  select
    *,
    row_number() over (
      partition by {{ (['tenant_id'] + key) | join(', ') }}
      order by modified_on desc nulls last, loaded_from desc
    ) as nth
  from loaded
)

select {{ shown(columns) }}
from ranked
where nth = 1 and not is_deleted
{% endmacro %}


{# The rows of the latest load; what it did not bring is gone. For streams that come whole. #}
{% macro rows_of_the_latest_load(stream, key, columns) %}
with loaded as (
  {{ rows_of(stream, columns) }}
),

marked as (
  select *, max(loaded_from) over (partition by tenant_id) as latest_load
  from loaded
),

ranked as (
  select
    *, row_number() over (partition by {{ (['tenant_id'] + key) | join(', ') }} order by loaded_from) as nth
  from marked
  where loaded_from = latest_load
)

select {{ shown(columns) }}
from ranked
where nth = 1 and not is_deleted
{% endmacro %}


{# Each version of each key that was ever loaded into one of several streams. #}
{% macro all_versions(streams, key, columns) %}
with loaded as (
  {% for stream in streams %}
  {{ rows_of(stream, columns) }}
  {{ 'union all' if not loop.last }}
  {% endfor %}
),

ranked as (
  select
    *,
    row_number() over (
      partition by {{ (['tenant_id'] + key) | join(', ') }} order by loaded_from desc
    ) as nth
  from loaded
)

select {{ shown(columns) }}
from ranked
where nth = 1
{% endmacro %}


{% macro shown(columns) -%}
  tenant_id
  {%- for _, alias, _ in columns if alias != 'tenant_id' %}, {{ alias }}{% endfor %}
{%- endmacro %}


{# The seconds of a .NET time span: 01:30:00, or 1.02:00:00 with days. #}
{% macro seconds_of(span) -%}
  cast(
    case
      when {{ span }} like '%.%:%'
        then 86400 * cast(split_part({{ span }}, '.', 1) as bigint)
          + 3600 * cast(split_part(split_part({{ span }}, ':', 1), '.', 2) as bigint)
      else 3600 * cast(split_part({{ span }}, ':', 1) as bigint)
    end
    + 60 * cast(split_part({{ span }}, ':', 2) as bigint)
    + cast(split_part({{ span }}, ':', 3) as double precision)
    as double precision
  )
{%- endmacro %}


{# The time zone in which days begin. #}
{% macro time_zone() %}'{{ env_var('DISPATCH_TIMEZONE', 'America/Chicago') }}'{% endmacro %}


{# The local day on which an instant is, and the instant at which a local day begins. #}
{% macro day_of(instant) %}cast({{ instant }} at time zone {{ time_zone() }} as date){% endmacro %}

{% macro midnight_of(day) %}cast({{ day }} as timestamp) at time zone {{ time_zone() }}{% endmacro %}


{% macro minutes_between(earlier, later) -%}
  cast(extract(epoch from {{ later }} - {{ earlier }}) as double precision) / 60
{%- endmacro %}
