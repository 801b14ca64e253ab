-- Each row is a technician's day: how much of what was done was seen from its beginning, and how often was looked.
with counted as (
  select
    tenant_id,
    technician_id,
    day,
    count(*) as done,
    count(*) filter (where is_measured) as measured,
    count(*) filter (where is_measured and working_on is not null) as arrival_seen
  from {{ ref('servicetitan_dispatch', 'dispatch_done') }}
  group by tenant_id, technician_id, day
),

gaps as (
  select
    loads.tenant_id,
    {{ servicetitan_dispatch.day_of('loads.loaded_at', 'tenants.time_zone') }} as day,
    max(loads.gap_minutes) as greatest_gap_minutes
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }} as loads
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = loads.tenant_id
  group by loads.tenant_id, {{ servicetitan_dispatch.day_of('loads.loaded_at', 'tenants.time_zone') }}
)

select
  counted.tenant_id,
  counted.technician_id,
  counted.day,
  counted.done,
  counted.measured,
  counted.arrival_seen,
  cast(counted.measured as double precision) / counted.done as share_measured,
  cast(counted.arrival_seen as double precision) / counted.done as share_arrival_seen,
  gaps.greatest_gap_minutes
from counted
left join gaps on gaps.tenant_id = counted.tenant_id and gaps.day = counted.day
