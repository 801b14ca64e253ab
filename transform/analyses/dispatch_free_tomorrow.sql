-- Which technician has free hours tomorrow? Those of shifts that nothing but jobs can take: what is
-- booked already, the Dispatch API tells only by slot, in `dispatch_capacity_forecast`. Tomorrow is
-- each tenant's own; the var `dispatch_tomorrow` is another day, such as 2026-11-20.
{% set tomorrow = var('dispatch_tomorrow', none) %}
select
  availability.day,
  availability.tenant_id,
  availability.technician_name,
  availability.technician_id,
  round(cast(availability.hours_for_jobs as numeric), 2) as free_hours,
  round(cast(availability.shift_hours as numeric), 2) as shift_hours
from {{ ref('servicetitan_dispatch', 'dispatch_technician_availability') }} as availability
inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
  on tenants.tenant_id = availability.tenant_id
where availability.day =
  {% if tomorrow -%} date {{ servicetitan_dispatch.quoted(tomorrow) }}
  {%- else -%} {{ servicetitan_dispatch.day_of('now()', 'tenants.time_zone') }} + 1 {%- endif %}
  and availability.hours_for_jobs > 0
order by free_hours desc, technician_name, technician_id, tenant_id
