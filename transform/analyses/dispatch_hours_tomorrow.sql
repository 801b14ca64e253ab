-- Which technician has hours for jobs tomorrow? Those that absences leave are sold or not; who is free
-- is told by the slots, where capacities are loaded: `slots_with_time_left`. Tomorrow is each tenant's
-- own; the var `dispatch_tomorrow` is another day, such as 2026-11-20. dbt shows six columns.
{% set tomorrow = var('dispatch_tomorrow', none) %}
select
  availability.day,
  availability.tenant_id,
  availability.technician_name,
  availability.technician_id,
  round(cast(availability.hours_left_by_absence as numeric), 2) as hours_left,
  availability.slots_with_time_left
from {{ ref('servicetitan_dispatch', 'dispatch_technician_availability') }} as availability
inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
  on tenants.tenant_id = availability.tenant_id
where availability.day =
  {% if tomorrow -%} date {{ servicetitan_dispatch.quoted(tomorrow) }}
  {%- else -%} {{ servicetitan_dispatch.day_of('now()', 'tenants.time_zone') }} + 1 {%- endif %}
  and availability.hours_left_by_absence > 0
order by availability.slots_with_time_left desc nulls last, hours_left desc, technician_name, technician_id, tenant_id
