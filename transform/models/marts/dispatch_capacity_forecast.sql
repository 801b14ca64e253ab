-- Each row is a forecast of a slot, the last of a day before the slot began, beside what came of it.
with snapshots as (
  select
    capacities.*,
    capacities.total_availability - capacities.open_availability as booked,
    {{ servicetitan_dispatch.day_of('capacities.starts_at', 'tenants.time_zone') }}
      - {{ servicetitan_dispatch.day_of('capacities.computed_on', 'tenants.time_zone') }} as days_ahead,
    row_number() over (
      partition by
        capacities.tenant_id, capacities.starts_at, capacities.ends_at, capacities.business_unit_key
      order by capacities.computed_on desc
    ) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_capacities') }} as capacities
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = capacities.tenant_id
),

forecasts as (
  select
    *,
    row_number() over (
      partition by tenant_id, starts_at, ends_at, business_unit_key, days_ahead
      order by computed_on desc
    ) as nth_of_day
  from snapshots
  where computed_on < starts_at
),

arrivals as (
  select tenant_id, assignment_id, technician_id, min(seen_since) as arrived_on
  from {{ ref('servicetitan_dispatch', 'dispatch_assignment_history') }}
  where status = 'Working'
  group by tenant_id, assignment_id, technician_id
),

crews as (
  select tenant_id, starts_at, ends_at, business_unit_key, {{ servicetitan_dispatch.each_element('technicians') }} as technician
  from snapshots
  where nth = 1
),

visits as (
  select
    crews.tenant_id, crews.starts_at, crews.ends_at, crews.business_unit_key, count(*) as begun
  from crews
  inner join arrivals
    on arrivals.tenant_id = crews.tenant_id
    and arrivals.technician_id = cast(crews.technician ->> 'id' as bigint)
    and arrivals.arrived_on >= crews.starts_at
    and arrivals.arrived_on < crews.ends_at
  group by crews.tenant_id, crews.starts_at, crews.ends_at, crews.business_unit_key
)

select
  tenant_id,
  starts_at,
  ends_at,
  business_unit_key,
  cast(forecasts.days_ahead as bigint) as days_ahead,
  forecasts.computed_on as forecast_on,
  forecasts.total_availability as forecast_hours,
  forecasts.booked as forecast_booked,
  came.computed_on as came_on,
  came.total_availability as came_hours,
  came.booked as came_booked,
  came.booked - forecasts.booked as booked_since,
  coalesce(visits.begun, 0) as visits_begun
from forecasts
inner join snapshots as came using (tenant_id, starts_at, ends_at, business_unit_key)
left join visits using (tenant_id, starts_at, ends_at, business_unit_key)
where forecasts.nth_of_day = 1 and came.nth = 1 and came.computed_on >= ends_at
