{#
  Print when each tenant was last loaded to its end, and fail if that is too long ago: for a scheduler
  that looks at exit codes. It looks at what was loaded, so nothing has to be built before.

  Args:
    after: From how long ago on a tenant is stale: minutes, hours or days, as in 90m, 1h, 2d.
#}
{% macro dispatch_stale(after=none) %}
  {%- set after = after or servicetitan_dispatch.stale_after() -%}
  {%- set minutes = servicetitan_dispatch.minutes_of(after) -%}
  {%- if not servicetitan_dispatch.is_loaded('sync_log') -%}
    {%- do exceptions.raise_compiler_error(
      'Nobody can tell who is stale: no sync_log in ' ~ servicetitan_dispatch.whereabouts('sync_log')
      ~ ' Name sync_log in extra_streams, and load.'
    ) -%}
  {%- endif -%}
  {%- set tenants = run_query(servicetitan_dispatch.last_complete_loads()).rows -%}
  {%- set stale = [] -%}
  {%- for number, name, complete_at, minutes_ago, reason in tenants -%}
    {%- set is_stale = minutes_ago is none or minutes_ago > minutes -%}
    {%- set who = name ~ ' (' ~ number | int ~ ')' if name else 'tenant ' ~ number | int -%}
    {%- do print(
      ('STALE  ' if is_stale else 'fresh  ') ~ who ~ ', last complete load: '
      ~ (complete_at ~ ', ' ~ minutes_ago | int ~ ' minutes ago' if complete_at else 'never')
      ~ (', last trouble: ' ~ reason if reason else '')
    ) -%}
    {%- if is_stale -%}{%- do stale.append(who) -%}{%- endif -%}
  {%- endfor -%}
  {%- if stale -%}
    {%- do exceptions.raise_compiler_error(
      stale | length ~ ' of ' ~ tenants | length ~ ' tenants are stale, not loaded to their end for '
      ~ after ~ ': ' ~ stale | join(', ')
    ) -%}
  {%- endif -%}
{% endmacro %}

{# From how long after its last complete load on a tenant is stale, unless a command says otherwise. #}
{% macro stale_after() %}
  {{- return(var('dispatch_stale_after', none) or env_var('DISPATCH_STALE_AFTER', '1h')) }}
{%- endmacro %}

{# The minutes of a length of time such as 90m, 1h or 2d. #}
{% macro minutes_of(after) %}
  {%- set given = modules.re.fullmatch('([0-9]+)([mhd])', after | string) -%}
  {%- if not given -%}
    {%- do exceptions.raise_compiler_error(
      'after: ' ~ after ~ ' is no length of time; say minutes, hours or days, such as 90m, 1h or 2d'
    ) -%}
  {%- endif -%}
  {{ return(given.group(1) | int * {'m': 1, 'h': 60, 'd': 1440}[given.group(2)]) }}
{% endmacro %}

{# A row for each tenant of the log: when it was last loaded to its end, and what has failed since. #}
{% macro last_complete_loads() %}
with told as (
  {{ servicetitan_dispatch.rows_of('sync_log', [
    ('runId', 'run_id', 'text'),
    ('stream', 'stream', 'text'),
    ('endedAt', 'ended_at', 'time'),
    ('outcome', 'outcome', 'text'),
    ('reason', 'reason', 'text'),
    ('tenantName', 'tenant_name', 'text'),
  ], is_told=false) }}
),

loads as (
  {{ servicetitan_dispatch.loads_told('told') }}
),

last_loads as (
  select tenant_id, max(ended_at) filter (where is_complete) as complete_at, max(ended_at) as ended_at
  from loads
  group by tenant_id
)

select
  last_loads.tenant_id,
  (
    select max(told.tenant_name)
    from told
    where told.tenant_id = last_loads.tenant_id and told.tenant_name is not null
  ) as tenant_name,
  cast(date_trunc('second', last_loads.complete_at at time zone 'UTC') as text) || ' UTC' as complete_at,
  {{ servicetitan_dispatch.minutes_between('last_loads.complete_at', 'current_timestamp') }} as minutes_ago,
  (
    select min(told.stream || ': ' || told.reason)
    from told
    inner join loads on loads.tenant_id = told.tenant_id and loads.run_id = told.run_id
    where told.tenant_id = last_loads.tenant_id
      and loads.ended_at = last_loads.ended_at
      and told.outcome in ('doubtful', 'failed')
  ) as reason
from last_loads
order by complete_at nulls first, last_loads.tenant_id
{% endmacro %}

{#
  A row for each run and tenant of a log, with whether it is complete: assignments were read to their
  end, and nothing failed or may lack rows. What an application is refused, and the settings allow
  for, does not count.
#}
{% macro loads_told(log) %}
  select
    tenant_id,
    run_id,
    max(ended_at) as ended_at,
    count(*) filter (where stream = 'appointment_assignments' and outcome = 'complete') > 0
      and count(*) filter (where outcome in ('doubtful', 'failed')) = 0 as is_complete
  from {{ log }}
  group by tenant_id, run_id
{% endmacro %}
