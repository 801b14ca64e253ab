{#
  All that DuckDB and PostgreSQL say differently, but for where the rows are: `input.sql` has that.
  A project that has this one as a package may put its own in the place of what is dispatched, so the
  names have the prefix.
#}

{# A row for each day from one date to another, both included. #}
{% macro each_day(first, last) %}{{ adapter.dispatch('dispatch_each_day', 'servicetitan_dispatch')(first, last) }}{% endmacro %}

{% macro duckdb__dispatch_each_day(first, last) -%}
  unnest(generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval 1 day))
{%- endmacro %}

{% macro postgres__dispatch_each_day(first, last) -%}
  generate_series(cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval '1 day')
{%- endmacro %}


{# A row for each element of a JSON array. #}
{% macro each_element(array) %}{{ adapter.dispatch('dispatch_each_element', 'servicetitan_dispatch')(array) }}{% endmacro %}

{% macro duckdb__dispatch_each_element(array) %}unnest(cast({{ array }} as json[])){% endmacro %}

{% macro postgres__dispatch_each_element(array) %}jsonb_array_elements({{ array }}){% endmacro %}


{# The names of all time zones that the database knows, as a table with a column `name`. #}
{% macro time_zones() %}{{ adapter.dispatch('dispatch_time_zones', 'servicetitan_dispatch')() }}{% endmacro %}

{% macro duckdb__dispatch_time_zones() %}pg_timezone_names(){% endmacro %}

{% macro postgres__dispatch_time_zones() %}pg_timezone_names{% endmacro %}
