-- Each row is a stream of a tenant: when it was last read to its end, and whether all of it is there.
{% set counted = [
  'appointment_assignments',
  'appointment_assignments_list',
  'arrival_windows',
  'non_job_appointments',
  'teams',
  'technician_shifts',
  'technician_skills',
  'zones',
] %}
with told as (
  select
    *,
    row_number() over (partition by tenant_id, stream order by ended_at desc nulls last, run_id) as nth
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_sync_log') }}
),

complete as (
  select tenant_id, stream, max(ended_at) as complete_at, max(reached) as reached
  from told
  where outcome = 'complete'
  group by tenant_id, stream
),

in_source as (
  select
    tenant_id,
    stream,
    source_rows,
    row_number() over (partition by tenant_id, stream order by ended_at desc nulls last, run_id) as nth
  from told
  where source_rows is not null
),

loaded as (
  {% for stream in counted %}
  select tenant_id, '{{ stream }}' as stream, count(*) as loaded_rows
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_' ~ stream) }}
  group by tenant_id
  {{ 'union all' if not loop.last }}
  {% endfor %}
)

select
  told.tenant_id,
  tenants.tenant_name,
  told.stream,
  complete.complete_at,
  complete.reached,
  told.ended_at as tried_at,
  told.outcome,
  told.reason,
  in_source.source_rows,
  case
    -- Rows of a single tenant do not say whose they are
    when in_source.source_rows is not null then coalesce(own.loaded_rows, single.loaded_rows, 0)
  end as loaded_rows,
  in_source.source_rows - coalesce(own.loaded_rows, single.loaded_rows, 0) as missing_rows
from told
left join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
  on tenants.tenant_number = told.tenant_id
left join complete
  on complete.tenant_id = told.tenant_id and complete.stream = told.stream
left join in_source
  on in_source.tenant_id = told.tenant_id and in_source.stream = told.stream and in_source.nth = 1
left join loaded as own
  on own.tenant_id = told.tenant_id and own.stream = told.stream
left join loaded as single
  on single.tenant_id = 0 and single.stream = told.stream
where told.nth = 1
