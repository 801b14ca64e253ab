-- Which technician has free hours tomorrow? Those of shifts that nothing but jobs can take: what is
-- booked already, the Dispatch API tells only by slot, in `capacity_forecast`.
select
  day,
  tenant_id,
  technician_name,
  technician_id,
  round(cast(hours_for_jobs as numeric), 2) as free_hours,
  round(cast(shift_hours as numeric), 2) as shift_hours
from {{ ref('technician_availability') }}
where day = {{ var('tomorrow', day_of('now()') ~ ' + 1') }} and hours_for_jobs > 0
order by free_hours desc, technician_name, technician_id, tenant_id
