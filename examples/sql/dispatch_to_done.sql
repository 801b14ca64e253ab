-- Each row is an assignment that is done, and that was seen to be dispatched before.
create or replace view dispatch_to_done as
with times as (
  select
    assignment_id,
    appointment_id,
    technician_id,
    arg_max(technician_name, since) as technician_name,
    min(since) filter (status = 'Dispatched') as dispatched_on,
    min(since) filter (status = 'Working') as working_on,
    max(since) filter (status = 'Done' and active and until is null) as done_on,
    coalesce(sum(epoch(until - since)) filter (status = 'Working' and paused), 0) / 60
      as minutes_paused
  from assignment_states
  group by assignment_id, appointment_id, technician_id
)
select
  *,
  epoch(working_on - dispatched_on) / 60 as minutes_on_the_way,
  epoch(done_on - working_on) / 60 as minutes_on_site,
  epoch(done_on - dispatched_on) / 60 as minutes
from times
where done_on > dispatched_on;
