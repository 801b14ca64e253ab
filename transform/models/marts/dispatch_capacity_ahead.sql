-- Each row is a slot to come, by the latest forecast, beside the slot a week earlier as it had been
-- forecast a week before.
with snapshots as (
  select
    capacities.tenant_id,
    capacities.starts_at,
    capacities.ends_at,
    capacities.business_unit_key,
    capacities.computed_on,
    capacities.total_availability as hours,
    capacities.open_availability as hours_open,
    capacities.total_availability - capacities.open_availability as hours_sold,
    (capacities.total_availability - capacities.open_availability) / nullif(capacities.total_availability, 0) as share_sold,
    capacities.is_available,
    capacities.is_exceeding_ideal_booking_percentage,
    capacities.starts_at at time zone tenants.time_zone as starts_at_local,
    capacities.ends_at at time zone tenants.time_zone as ends_at_local,
    capacities.computed_on at time zone tenants.time_zone as computed_on_local,
    {{ servicetitan_dispatch.day_of('capacities.starts_at', 'tenants.time_zone') }} as day,
    row_number() over (
      partition by
        capacities.tenant_id, capacities.starts_at, capacities.ends_at, capacities.business_unit_key
      order by capacities.computed_on desc
    ) as nth,
    max(capacities.computed_on) over (partition by capacities.tenant_id) as as_of
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_capacities') }} as capacities
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = capacities.tenant_id
),

-- A read takes less than an hour: a slot that was not in the latest one is not offered any more
ahead as (
  select *
  from snapshots
  where nth = 1 and starts_at >= as_of and computed_on > as_of - interval '1 hour'
),

-- Clocks may have changed in between, so weeks are those of the local clock
compared as (
  select
    ahead.tenant_id,
    ahead.starts_at,
    ahead.ends_at,
    ahead.business_unit_key,
    before.hours_sold,
    before.share_sold,
    before.computed_on,
    row_number() over (
      partition by ahead.tenant_id, ahead.starts_at, ahead.ends_at, ahead.business_unit_key
      order by before.computed_on desc
    ) as nth
  from ahead
  inner join snapshots as before
    on before.tenant_id = ahead.tenant_id
    and before.business_unit_key = ahead.business_unit_key
    and before.starts_at_local = ahead.starts_at_local - interval '7 days'
    and before.ends_at_local = ahead.ends_at_local - interval '7 days'
    and before.computed_on_local <= ahead.computed_on_local - interval '7 days'
)

select
  ahead.tenant_id,
  ahead.starts_at,
  ahead.ends_at,
  ahead.business_unit_key,
  ahead.day,
  ahead.hours,
  ahead.hours_open,
  ahead.hours_sold,
  ahead.share_sold,
  ahead.is_available,
  ahead.is_exceeding_ideal_booking_percentage,
  compared.hours_sold as hours_sold_a_week_before,
  compared.share_sold as share_sold_a_week_before,
  compared.computed_on as compared_with,
  ahead.computed_on as forecast_on,
  ahead.as_of
from ahead
left join compared
  on compared.tenant_id = ahead.tenant_id
  and compared.starts_at = ahead.starts_at
  and compared.ends_at = ahead.ends_at
  and compared.business_unit_key = ahead.business_unit_key
  and compared.nth = 1
