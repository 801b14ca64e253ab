-- Each row is a tenant's day, from its first load on: what was done, how much of it was seen, and
-- where the tenant stands among the others.
with last_loads as (
  select
    loads.tenant_id,
    tenants.time_zone,
    max(loads.loaded_at) as last_load,
    {{ servicetitan_dispatch.day_of('min(loads.loaded_at)', 'tenants.time_zone') }} as first_day,
    {{ servicetitan_dispatch.day_of('max(loads.loaded_at)', 'tenants.time_zone') }} as last_day
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }} as loads
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = loads.tenant_id
  group by loads.tenant_id, tenants.time_zone
),

days as (
  select tenant_id, time_zone, last_load, cast(day as date) as day
  from (
    select
      tenant_id,
      time_zone,
      last_load,
      {{ servicetitan_dispatch.each_day('first_day', 'last_day') }} as day
    from last_loads
  ) as each_day
),

loads as (
  select
    loads.tenant_id,
    {{ servicetitan_dispatch.day_of('loads.loaded_at', 'last_loads.time_zone') }} as day,
    count(*) as loads,
    max(loads.gap_minutes) as greatest_gap_minutes
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }} as loads
  inner join last_loads on last_loads.tenant_id = loads.tenant_id
  group by loads.tenant_id, {{ servicetitan_dispatch.day_of('loads.loaded_at', 'last_loads.time_zone') }}
),

done as (
  select
    tenant_id,
    day,
    count(distinct appointment_id) as visits,
    cast(count(*) filter (where is_measured) as double precision) / count(*) as share_measured
  from {{ ref('servicetitan_dispatch', 'dispatch_done') }}
  group by tenant_id, day
),

measured as (
  select
    tenant_id,
    day,
    percentile_cont(0.5) within group (order by minutes) as median_minutes
  from {{ ref('servicetitan_dispatch', 'dispatch_to_done') }}
  group by tenant_id, day
),

withdrawn as (
  select
    tenant_id,
    day,
    count(distinct appointment_id) as appointments_withdrawn,
    count(distinct appointment_id) filter (where was_dispatched) as appointments_withdrawn_after_dispatch
  from {{ ref('servicetitan_dispatch', 'dispatch_withdrawals') }}
  group by tenant_id, day
),

handed_over as (
  select tenant_id, day, count(distinct appointment_id) as appointments_handed_over
  from {{ ref('servicetitan_dispatch', 'dispatch_handovers') }}
  group by tenant_id, day
),

technicians as (
  select
    tenant_id,
    day,
    count(*) filter (where visits > 0) as technicians_with_visits,
    sum(shift_hours) as shift_hours,
    sum(hours_overtime) as hours_overtime
  from {{ ref('servicetitan_dispatch', 'dispatch_technician_day') }}
  group by tenant_id, day
),

latest_slots as (
  select
    capacities.tenant_id,
    capacities.total_availability,
    capacities.open_availability,
    {{ servicetitan_dispatch.day_of('capacities.starts_at', 'last_loads.time_zone') }} as day,
    row_number() over (
      partition by
        capacities.tenant_id, capacities.starts_at, capacities.ends_at, capacities.business_unit_key
      order by capacities.computed_on desc
    ) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_capacities') }} as capacities
  inner join last_loads on last_loads.tenant_id = capacities.tenant_id
),

sold as (
  select
    tenant_id,
    day,
    sum(total_availability) as slot_hours,
    sum(total_availability - open_availability) as slot_hours_sold
  from latest_slots
  where nth = 1
  group by tenant_id, day
),

newest as (
  select max(last_load) as newest_load from last_loads
)

select
  days.tenant_id,
  tenants.tenant_name,
  days.day,
  coalesce(done.visits, 0) as visits,
  rank() over (partition by days.day order by coalesce(done.visits, 0) desc) as rank_by_visits,
  coalesce(technicians.technicians_with_visits, 0) as technicians_with_visits,
  coalesce(withdrawn.appointments_withdrawn, 0) as appointments_withdrawn,
  coalesce(withdrawn.appointments_withdrawn_after_dispatch, 0) as appointments_withdrawn_after_dispatch,
  coalesce(handed_over.appointments_handed_over, 0) as appointments_handed_over,
  measured.median_minutes as median_minutes_dispatch_to_done,
  coalesce(technicians.shift_hours, 0) as shift_hours,
  coalesce(technicians.hours_overtime, 0) as hours_overtime,
  sold.slot_hours,
  sold.slot_hours_sold,
  done.share_measured,
  coalesce(loads.loads, 0) as loads,
  loads.greatest_gap_minutes,
  days.last_load >= {{ servicetitan_dispatch.midnight_of('days.day + 1', 'days.time_zone') }} + interval '15 minutes' as is_whole_day,
  days.last_load as as_of,
  {{ servicetitan_dispatch.minutes_between('days.last_load', 'newest.newest_load') }} as minutes_behind,
  {{ servicetitan_dispatch.minutes_between('days.last_load', 'newest.newest_load') }}
    > {{ servicetitan_dispatch.minutes_of(servicetitan_dispatch.stale_after()) }} as is_stale
from days
inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
  on tenants.tenant_id = days.tenant_id
cross join newest
left join loads on loads.tenant_id = days.tenant_id and loads.day = days.day
left join done on done.tenant_id = days.tenant_id and done.day = days.day
left join measured on measured.tenant_id = days.tenant_id and measured.day = days.day
left join withdrawn on withdrawn.tenant_id = days.tenant_id and withdrawn.day = days.day
left join handed_over on handed_over.tenant_id = days.tenant_id and handed_over.day = days.day
left join technicians on technicians.tenant_id = days.tenant_id and technicians.day = days.day
left join sold on sold.tenant_id = days.tenant_id and sold.day = days.day
