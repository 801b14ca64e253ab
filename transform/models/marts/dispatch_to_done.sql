-- Each row is an assignment that is done, and that was seen to be dispatched before.
with measured as (
  select *
  from {{ ref('servicetitan_dispatch', 'dispatch_done') }}
  where is_measured
),

steps as (
  select tenant_id, assignment_id, 'dispatched' as step, dispatched_on as happened_on
  from measured

  union all

  select tenant_id, assignment_id, 'working' as step, working_on as happened_on
  from measured
  where working_on is not null

  union all

  select tenant_id, assignment_id, 'done' as step, done_on as happened_on
  from measured
),

-- Each step among the loads. By the vendor's word, the feed shows it 15 minutes after it happened
line_of_time as (
  select tenant_id, assignment_id, step, happened_on + interval '15 minutes' as moment, cast(null as timestamp with time zone) as loaded_at
  from steps

  union all

  select tenant_id, cast(null as bigint) as assignment_id, cast(null as text) as step, loaded_at as moment, loaded_at
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }}
),

around as (
  select
    tenant_id,
    assignment_id,
    step,
    {{ servicetitan_dispatch.minutes_between('max(loaded_at) over up_to', 'min(loaded_at) over from_now_on') }} as gap_minutes
  from line_of_time
  window
    up_to as (partition by tenant_id order by moment rows between unbounded preceding and current row),
    from_now_on as (partition by tenant_id order by moment rows between current row and unbounded following)
),

gaps as (
  select
    tenant_id,
    assignment_id,
    max(gap_minutes) filter (where step = 'dispatched') as dispatched_gap_minutes,
    max(gap_minutes) filter (where step = 'working') as working_gap_minutes,
    max(gap_minutes) filter (where step = 'done') as done_gap_minutes
  from around
  where assignment_id is not null
  group by tenant_id, assignment_id
)

select
  measured.tenant_id,
  measured.assignment_id,
  measured.appointment_id,
  measured.technician_id,
  technicians.technician_name,
  measured.dispatched_on,
  measured.working_on,
  measured.done_on,
  {{ servicetitan_dispatch.minutes_between('measured.dispatched_on', 'measured.working_on') }} as minutes_on_the_way,
  {{ servicetitan_dispatch.minutes_between('measured.working_on', 'measured.done_on') }} as minutes_on_site,
  measured.minutes_paused,
  {{ servicetitan_dispatch.minutes_between('measured.dispatched_on', 'measured.done_on') }} as minutes,
  gaps.dispatched_gap_minutes,
  gaps.working_gap_minutes,
  gaps.done_gap_minutes,
  greatest(gaps.dispatched_gap_minutes, gaps.working_gap_minutes, gaps.done_gap_minutes) as greatest_gap_minutes,
  measured.day,
  coverage.share_measured as share_of_day
from measured
left join gaps
  on gaps.tenant_id = measured.tenant_id and gaps.assignment_id = measured.assignment_id
left join {{ ref('servicetitan_dispatch', 'dispatch_coverage') }} as coverage
  on coverage.tenant_id = measured.tenant_id
  and coalesce(coverage.technician_id, 0) = coalesce(measured.technician_id, 0)
  and coverage.day = measured.day
left join {{ ref('servicetitan_dispatch', 'dispatch_technicians') }} as technicians
  on technicians.tenant_id = measured.tenant_id and technicians.technician_id = measured.technician_id
