-- Each row is a technician's week, from Monday to Sunday: the hours of normal shifts, and how many of
-- them are left for jobs.
create or replace view utilisation as
with spans as (
  select technician_id, begins, ends, 1 as shift, 0 as away
  from shifts
  where shift_type = 'Normal'
  union all
  select technician_id, begins, ends, 0, 1
  from time_away
),
-- What overlaps must not count twice. So sum up, edge by edge, how many shifts and how much else a
-- technician is in; between two edges nothing changes.
edges as (
  select technician_id, begins as edge, shift, away
  from spans
  union all
  select technician_id, ends, -shift, -away
  from spans
  union all
  -- A Monday parts what reaches over it.
  select
    technician_id,
    unnest(generate_series(date_trunc('week', min(begins)), max(ends), interval 7 days)),
    0,
    0
  from spans
  group by technician_id
),
stretches as (
  select
    technician_id,
    edge,
    epoch(lead(edge) over passing - edge) / 3600 as hours,
    sum(shift) over passing > 0 as at_work,
    sum(away) over passing > 0 as away
  from edges
  window passing as (partition by technician_id order by edge)
)
select
  technician_id,
  technician_name,
  cast(date_trunc('week', edge) as date) as week,
  sum(hours) as shift_hours,
  coalesce(sum(hours) filter (not away), 0) as hours_for_jobs,
  hours_for_jobs / shift_hours as utilisation
from stretches
left join technicians using (technician_id)
where at_work and hours > 0
group by technician_id, technician_name, week;
