-- Each row is a stretch of time in which an assignment was seen in one state.
{{ config(
  materialized='incremental',
  incremental_strategy='delete+insert',
  unique_key=['tenant_id', 'assignment_id']
) }}

with versions as (
  select
    *,
    count(*) over of_assignment as versions_loaded,
    max(modified_on) over of_assignment as last_modified_on
  from {{ ref('stg_assignment_versions') }}
  window of_assignment as (partition by tenant_id, assignment_id)
),

news as (
  select versions.*
  from versions
  {% if is_incremental() %}
  left join (
    select distinct tenant_id, assignment_id, versions_loaded, last_modified_on
    from {{ this }}
  ) as known using (tenant_id, assignment_id, versions_loaded, last_modified_on)
  where known.assignment_id is null
  {% endif %}
),

compared as (
  select
    *,
    row_number() over passing as nth,
    lag(status) over passing as status_before,
    lag(coalesce(is_paused, false)) over passing as is_paused_before,
    lag(active) over passing as active_before
  from news
  window passing as (partition by tenant_id, assignment_id order by modified_on)
),

-- Most edits of a row leave its state as it was.
changes as (
  select *
  from compared
  where nth = 1
    or status is distinct from status_before
    or coalesce(is_paused, false) is distinct from is_paused_before
    or active is distinct from active_before
)

select
  tenant_id,
  assignment_id,
  appointment_id,
  technician_id,
  technician_name,
  status,
  coalesce(is_paused, false) as is_paused,
  active,
  modified_on as seen_since,
  lead(modified_on) over (
    partition by tenant_id, assignment_id order by modified_on
  ) as seen_until,
  versions_loaded,
  last_modified_on
from changes
