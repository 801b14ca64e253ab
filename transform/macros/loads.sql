{#
  The minutes between the two loads around each event, as a table with the key and `gap_minutes`. By the
  vendor's word, the feed shows an event 15 minutes after it happened. Null if there was no load before, or none after.

  Args:
    events: A table with `tenant_id`, the key, and when it happened.
    key: Names of the columns by which an event is known, beside `tenant_id`.
    happened_on: Name of the column that says when.
#}
{% macro gaps_around(events, key, happened_on) %}
  select tenant_id, {{ key | join(', ') }}, gap_minutes
  from (
    select
      tenant_id,
      {{ key | join(', ') }},
      is_event,
      {{ servicetitan_dispatch.minutes_between('max(loaded_at) over up_to', 'min(loaded_at) over from_now_on') }} as gap_minutes
    from (
      select
        tenant_id,
        {{ key | join(', ') }},
        {{ happened_on }} + interval '15 minutes' as moment,
        cast(null as timestamp with time zone) as loaded_at,
        true as is_event
      from {{ events }}

      union all

      select
        tenant_id,
        {% for column in key %}cast(null as bigint) as {{ column }}, {% endfor %}
        loaded_at as moment,
        loaded_at,
        false as is_event
      from {{ ref('servicetitan_dispatch', 'dispatch_loads') }}
    ) as moments
    window
      up_to as (partition by tenant_id order by moment rows between unbounded preceding and current row),
      from_now_on as (partition by tenant_id order by moment rows between current row and unbounded following)
  ) as around
  where is_event
{% endmacro %}
