-- Each row is an appointment whose customer was promised a window, beside the first arrival that was
-- seen. Empty unless a source of appointments is named.
with arrived as (
  select
    tenant_id,
    appointment_id,
    assignment_id,
    technician_id,
    working_on,
    row_number() over (
      partition by tenant_id, appointment_id order by working_on, assignment_id
    ) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_steps') }}
  where working_on is not null
),

first_arrivals as (
  select *
  from arrived
  where nth = 1
),

gaps as (
  {{ servicetitan_dispatch.gaps_around('first_arrivals', ['assignment_id'], 'working_on') }}
),

done as (
  select tenant_id, appointment_id, min(done_on) as done_on
  from {{ ref('servicetitan_dispatch', 'dispatch_done') }}
  group by tenant_id, appointment_id
),

assigned as (
  select distinct tenant_id, appointment_id
  from {{ ref('servicetitan_dispatch', 'dispatch_steps') }}
),

last_loads as (
  select tenant_id, min(loaded_at) as first_load, max(loaded_at) as as_of
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }}
  group by tenant_id
)

select
  promised.tenant_id,
  promised.appointment_id,
  promised.job_id,
  promised.window_starts_at,
  promised.window_ends_at,
  {{ servicetitan_dispatch.day_of('promised.window_starts_at', 'tenants.time_zone') }} as day,
  first_arrivals.technician_id,
  technicians.technician_name,
  first_arrivals.working_on as arrived_on,
  done.done_on,
  case
    when first_arrivals.working_on <= promised.window_ends_at then 0
    else {{ servicetitan_dispatch.minutes_between('promised.window_ends_at', 'first_arrivals.working_on') }}
  end as minutes_late,
  first_arrivals.working_on <= promised.window_ends_at as is_on_time,
  gaps.gap_minutes,
  last_loads.as_of
from {{ ref('servicetitan_dispatch', 'dispatch_promised') }} as promised
inner join assigned
  on assigned.tenant_id = promised.tenant_id and assigned.appointment_id = promised.appointment_id
inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
  on tenants.tenant_id = promised.tenant_id
inner join last_loads on last_loads.tenant_id = promised.tenant_id
left join first_arrivals
  on first_arrivals.tenant_id = promised.tenant_id
  and first_arrivals.appointment_id = promised.appointment_id
left join gaps
  on gaps.tenant_id = first_arrivals.tenant_id
  and gaps.assignment_id = first_arrivals.assignment_id
left join done
  on done.tenant_id = promised.tenant_id and done.appointment_id = promised.appointment_id
left join {{ ref('servicetitan_dispatch', 'dispatch_technicians') }} as technicians
  on technicians.tenant_id = first_arrivals.tenant_id
  and technicians.technician_id = first_arrivals.technician_id
where promised.window_ends_at is not null
  and promised.window_starts_at >= last_loads.first_load
  and promised.window_starts_at <= last_loads.as_of
