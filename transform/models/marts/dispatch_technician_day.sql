-- Each row is a technician's day: what was done, when it began and ended, and where the hours went.
with stretches as (
  select
    history.tenant_id,
    history.technician_id,
    history.seen_since as starts_at,
    coalesce(history.seen_until, under_way.as_of) as ends_at,
    history.status,
    history.is_paused,
    lead(history.status) over (
      partition by history.tenant_id, history.assignment_id order by history.seen_since
    ) as status_after
  from {{ ref('servicetitan_dispatch', 'dispatch_assignment_history') }} as history
  left join {{ ref('servicetitan_dispatch', 'dispatch_under_way') }} as under_way
    on under_way.tenant_id = history.tenant_id
    and under_way.assignment_id = history.assignment_id
    and history.seen_until is null
    and not under_way.is_forgotten
  where history.active
),

-- What was dispatched and next seen to be done has an arrival in it that nobody saw
busy as (
  select
    tenant_id,
    technician_id,
    starts_at,
    ends_at,
    case
      when status = 'Working' and is_paused then 'paused'
      when status = 'Working' then 'on site'
      when status_after = 'Done' then 'arrival not seen'
      else 'on the way'
    end as kind
  from stretches
  where status in ('Dispatched', 'Working')
    and technician_id is not null
    and ends_at > starts_at
    and ends_at < starts_at + {{ servicetitan_dispatch.longest_visit() }}
),

shifts as (
  select tenant_id, technician_id, starts_at, ends_at
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_technician_shifts') }}
  where active
    and shift_type = 'Normal'
    and ends_at > starts_at
    and ends_at <= starts_at + {{ servicetitan_dispatch.longest_shift() }}
),

spans as (
  select tenant_id, technician_id, starts_at, ends_at, kind from busy
  union all
  select tenant_id, technician_id, starts_at, ends_at, 'shift' as kind from shifts
),

last_loads as (
  select tenant_id, min(loaded_at) as first_load, max(loaded_at) as last_load
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }}
  group by tenant_id
),

-- A midnight parts whatever reaches over it
midnights as (
  select distinct
    spans.tenant_id,
    spans.technician_id,
    tenants.time_zone,
    {{ servicetitan_dispatch.each_day(
      servicetitan_dispatch.day_of('spans.starts_at', 'tenants.time_zone'),
      servicetitan_dispatch.day_of('spans.ends_at', 'tenants.time_zone')
    ) }} as day
  from spans
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = spans.tenant_id
),

edges as (
  select spans.tenant_id, spans.technician_id, last_loads.last_load as edge, 'to come' as kind, 1 as entered
  from (select distinct tenant_id, technician_id from spans) as spans
  inner join last_loads on last_loads.tenant_id = spans.tenant_id
  union all
  select tenant_id, technician_id, starts_at as edge, kind, 1 as entered from spans
  union all
  select tenant_id, technician_id, ends_at as edge, kind, -1 as entered from spans
  union all
  select tenant_id, technician_id, starts_at as edge, 'away' as kind, 1 as entered
  from {{ ref('servicetitan_dispatch', 'dispatch_time_away') }}
  union all
  select tenant_id, technician_id, ends_at as edge, 'away' as kind, -1 as entered
  from {{ ref('servicetitan_dispatch', 'dispatch_time_away') }}
  union all
  select tenant_id, technician_id, {{ servicetitan_dispatch.midnight_of('day', 'time_zone') }} as edge, 'midnight' as kind, 0 as entered
  from midnights
),

-- Between two edges nothing changes. What goes on at the same time counts once: work before a pause,
-- a pause before the way to the next appointment
between_edges as (
  select
    tenant_id,
    technician_id,
    edge,
    {{ servicetitan_dispatch.minutes_between('edge', 'lead(edge) over passing') }} / 60 as hours,
    sum(case when kind = 'shift' then entered else 0 end) over passing > 0 as is_on_shift,
    case
      {% for kind in ['to come', 'on site', 'paused', 'arrival not seen', 'on the way', 'away'] -%}
      when sum(case when kind = '{{ kind }}' then entered else 0 end) over passing > 0 then '{{ kind }}'
      {% endfor %}
      else 'idle'
    end as kind
  from edges
  window passing as (partition by tenant_id, technician_id order by edge)
),

summed as (
  select
    between_edges.tenant_id,
    between_edges.technician_id,
    {{ servicetitan_dispatch.day_of('between_edges.edge', 'tenants.time_zone') }} as day,
    coalesce(sum(hours) filter (where is_on_shift), 0) as shift_hours,
    coalesce(sum(hours) filter (where is_on_shift and kind = 'away'), 0) as hours_away,
    coalesce(sum(hours) filter (where kind = 'on the way'), 0) as hours_on_the_way,
    coalesce(sum(hours) filter (where kind = 'on site'), 0) as hours_on_site,
    coalesce(sum(hours) filter (where kind = 'paused'), 0) as hours_paused,
    coalesce(sum(hours) filter (where kind = 'arrival not seen'), 0) as hours_arrival_not_seen,
    coalesce(sum(hours) filter (where is_on_shift and kind = 'idle'), 0) as hours_idle_at_most,
    coalesce(sum(hours) filter (where not is_on_shift), 0) as hours_overtime
  from between_edges
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = between_edges.tenant_id
  where hours > 0 and (is_on_shift or kind not in ('to come', 'away', 'idle'))
  group by
    between_edges.tenant_id,
    between_edges.technician_id,
    {{ servicetitan_dispatch.day_of('between_edges.edge', 'tenants.time_zone') }}
),

steps as (
  {% for step in ['dispatched', 'working', 'done'] %}
  select
    steps.tenant_id,
    steps.technician_id,
    '{{ step }}' as step,
    steps.{{ step }}_on as happened_on,
    {{ servicetitan_dispatch.day_of('steps.' ~ step ~ '_on', 'tenants.time_zone') }} as day
  from {{ ref('servicetitan_dispatch', 'dispatch_steps') }} as steps
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = steps.tenant_id
  where steps.{{ step }}_on is not null
  {{ 'union all' if not loop.last }}
  {% endfor %}
),

first_and_last as (
  select
    tenant_id,
    technician_id,
    day,
    -- That of the first visit, unless another sign of it came earlier
    case
      when min(happened_on) = min(happened_on) filter (where step = 'dispatched') then min(happened_on)
    end as first_dispatched_on,
    min(happened_on) filter (where step = 'working') as first_arrived_on,
    max(happened_on) filter (where step = 'done') as last_done_on
  from steps
  where technician_id is not null
  group by tenant_id, technician_id, day
),

crews as (
  select tenant_id, appointment_id, count(distinct technician_id) as crew
  from {{ ref('servicetitan_dispatch', 'dispatch_done') }}
  group by tenant_id, appointment_id
),

visits as (
  select
    done.tenant_id,
    done.technician_id,
    done.day,
    count(distinct done.appointment_id) as visits,
    count(distinct done.appointment_id) filter (where crews.crew > 1) as visits_in_crew
  from {{ ref('servicetitan_dispatch', 'dispatch_done') }} as done
  left join crews
    on crews.tenant_id = done.tenant_id and crews.appointment_id = done.appointment_id
  where done.technician_id is not null
  group by done.tenant_id, done.technician_id, done.day
),

shift_days as (
  select
    shifts.tenant_id,
    shifts.technician_id,
    {{ servicetitan_dispatch.day_of('shifts.starts_at', 'tenants.time_zone') }} as day,
    min(shifts.starts_at) as shift_starts_at,
    max(shifts.ends_at) as shift_ends_at
  from shifts
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = shifts.tenant_id
  group by
    shifts.tenant_id,
    shifts.technician_id,
    {{ servicetitan_dispatch.day_of('shifts.starts_at', 'tenants.time_zone') }}
),

days as (
  select tenant_id, technician_id, day from summed
  union
  select tenant_id, technician_id, day from first_and_last
)

select
  days.tenant_id,
  days.technician_id,
  technicians.technician_name,
  days.day,
  coalesce(visits.visits, 0) as visits,
  coalesce(visits.visits_in_crew, 0) as visits_in_crew,
  shift_days.shift_starts_at,
  shift_days.shift_ends_at,
  first_and_last.first_dispatched_on,
  {{ servicetitan_dispatch.minutes_between('shift_days.shift_starts_at', 'first_and_last.first_dispatched_on') }} as minutes_to_first_dispatch,
  first_and_last.first_arrived_on,
  first_and_last.last_done_on,
  coalesce(summed.shift_hours, 0) as shift_hours,
  coalesce(summed.hours_away, 0) as hours_away,
  coalesce(summed.hours_on_the_way, 0) as hours_on_the_way,
  coalesce(summed.hours_on_site, 0) as hours_on_site,
  coalesce(summed.hours_paused, 0) as hours_paused,
  coalesce(summed.hours_arrival_not_seen, 0) as hours_arrival_not_seen,
  coalesce(summed.hours_idle_at_most, 0) as hours_idle_at_most,
  coalesce(summed.hours_overtime, 0) as hours_overtime,
  coverage.share_measured,
  coverage.share_arrival_seen,
  coverage.greatest_gap_minutes,
  last_loads.last_load as as_of
from days
inner join last_loads on last_loads.tenant_id = days.tenant_id
inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
  on tenants.tenant_id = days.tenant_id
left join summed
  on summed.tenant_id = days.tenant_id
  and summed.technician_id = days.technician_id
  and summed.day = days.day
left join first_and_last
  on first_and_last.tenant_id = days.tenant_id
  and first_and_last.technician_id = days.technician_id
  and first_and_last.day = days.day
left join visits
  on visits.tenant_id = days.tenant_id
  and visits.technician_id = days.technician_id
  and visits.day = days.day
left join shift_days
  on shift_days.tenant_id = days.tenant_id
  and shift_days.technician_id = days.technician_id
  and shift_days.day = days.day
left join {{ ref('servicetitan_dispatch', 'dispatch_coverage') }} as coverage
  on coverage.tenant_id = days.tenant_id
  and coverage.technician_id = days.technician_id
  and coverage.day = days.day
left join {{ ref('servicetitan_dispatch', 'dispatch_technicians') }} as technicians
  on technicians.tenant_id = days.tenant_id and technicians.technician_id = days.technician_id
where days.day >= {{ servicetitan_dispatch.day_of('last_loads.first_load', 'tenants.time_zone') }}
  and days.day <= {{ servicetitan_dispatch.day_of('last_loads.last_load', 'tenants.time_zone') }}
