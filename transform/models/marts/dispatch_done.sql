-- Each row is an assignment that is done, with when its steps were seen, as far as they were.
select
  steps.*,
  {{ servicetitan_dispatch.day_of('steps.done_on', 'tenants.time_zone') }} as day,
  coalesce(steps.done_on > steps.dispatched_on, false) as is_measured
from {{ ref('servicetitan_dispatch', 'dispatch_steps') }} as steps
inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
  on tenants.tenant_id = steps.tenant_id
where steps.done_on is not null
