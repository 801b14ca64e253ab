{# Time spans, and days as a tenant has them. #}

{# The seconds of a .NET time span: 01:30:00, 1.02:00:00 with days, or less than nothing: -00:30:00. #}
{% macro seconds_of(span) -%}
  {%- set positive = "ltrim(" ~ span ~ ", '-')" -%}
  cast(
    case when {{ span }} like '-%' then -1 else 1 end * (
      case
        when {{ positive }} like '%.%:%'
          then 86400 * cast(split_part({{ positive }}, '.', 1) as bigint)
            + 3600 * cast(split_part(split_part({{ positive }}, ':', 1), '.', 2) as bigint)
        else 3600 * cast(split_part({{ positive }}, ':', 1) as bigint)
      end
      + 60 * cast(split_part({{ positive }}, ':', 2) as bigint)
      + cast(split_part({{ positive }}, ':', 3) as double precision)
    )
    as double precision
  )
{%- endmacro %}


{# The local day on which an instant is, and the instant at which a local day begins. #}
{% macro day_of(instant, zone) %}cast({{ instant }} at time zone {{ zone }} as date){% endmacro %}

{% macro midnight_of(day, zone) %}cast({{ day }} as timestamp) at time zone {{ zone }}{% endmacro %}


{% macro minutes_between(earlier, later) -%}
  cast(extract(epoch from {{ later }} - {{ earlier }}) as double precision) / 60
{%- endmacro %}


{# A text as SQL writes it. #}
{% macro quoted(text) %}{{ return("'" ~ text | string | replace("'", "''") ~ "'") }}{% endmacro %}

{#
  What the var `dispatch_tenants` says of a tenant (`name` or `timezone`); null where it says nothing.

  Args:
    number: What the tenant is known by.
    what: What to say of it.
#}
{% macro said_of_tenant(number, what) -%}
  {%- set tenants = var('dispatch_tenants', {}) -%}
  case {{ number }}
    {%- for each, said in tenants.items() if said.get(what) %}
    when {{ each | int }} then {{ servicetitan_dispatch.quoted(said[what]) }}
    {%- endfor %}
    when null then null
  end
{%- endmacro %}

{# The time zone of all tenants of which nothing else is known; null if nobody has said it. #}
{% macro time_zone_of_others() -%}
  {%- set zone = var('dispatch_timezone', none) or env_var('DISPATCH_TIMEZONE', '') -%}
  {{ servicetitan_dispatch.quoted(zone) if zone else 'cast(null as text)' }}
{%- endmacro %}

{# End the model `dispatch_tenants` if nobody has said when the days of a tenant begin. #}
{% macro refuse_tenants_without_time_zone(tenants) %}
  {%- if execute -%}
    {%- set found = run_query(
      'select coalesce(tenant_number, tenant_id), time_zone from ' ~ tenants
      ~ ' where time_zone is null or time_zone not in (select name from ' ~ servicetitan_dispatch.time_zones()
      ~ ') order by 1'
    ).rows -%}
    {%- set said = [] -%}
    {%- for number, zone in found -%}
      {%- do said.append('tenant ' ~ number | int ~ (' (' ~ zone ~ ')' if zone else '')) -%}
    {%- endfor -%}
    {%- if said -%}
      {%- do exceptions.raise_compiler_error(
        'No time zone, or none that the database knows: ' ~ said | join(', ')
        ~ '. Without one nobody can tell when a day begins. Name it (America/Chicago, for instance) in DISPATCH_TIMEZONE or the var dispatch_timezone, '
        ~ 'or for each tenant in the var dispatch_tenants, or in the setting timezone of the tap or of an item of its tenants, with sync_log among extra_streams.'
      ) -%}
    {%- endif -%}
  {%- endif -%}
{% endmacro %}


{# What lasts longer is no shift: somebody has left its end open. #}
{% macro longest_shift() %}interval '7 days'{% endmacro %}
