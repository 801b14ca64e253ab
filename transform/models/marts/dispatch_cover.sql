-- Each row is a day, today or to come, and a skill, a zone or a zip code: who is on shift for it.
with last_loads as (
  select
    loads.tenant_id,
    max(loads.loaded_at) as as_of,
    {{ servicetitan_dispatch.day_of('max(loads.loaded_at)', 'tenants.time_zone') }} as today
  from {{ ref('servicetitan_dispatch', 'dispatch_loads') }} as loads
  inner join {{ ref('servicetitan_dispatch', 'dispatch_tenants') }} as tenants
    on tenants.tenant_id = loads.tenant_id
  group by loads.tenant_id, tenants.time_zone
),

on_shift as (
  select availability.*
  from {{ ref('servicetitan_dispatch', 'dispatch_technician_availability') }} as availability
  inner join last_loads on last_loads.tenant_id = availability.tenant_id
  where availability.day >= last_loads.today
),

planned as (
  select last_loads.tenant_id, last_loads.as_of, last_loads.today, max(on_shift.day) as last_day
  from last_loads
  inner join on_shift on on_shift.tenant_id = last_loads.tenant_id
  group by last_loads.tenant_id, last_loads.as_of, last_loads.today
),

days as (
  select tenant_id, as_of, cast(day as date) as day
  from (
    select tenant_id, as_of, {{ servicetitan_dispatch.each_day('today', 'last_day') }} as day
    from planned
  ) as each_day
),

skills as (
  select
    tenant_id,
    split_part(skill_id, '_', 2) as cover_key,
    max(name) as cover_name
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_technician_skills') }}
  where active
  group by tenant_id, split_part(skill_id, '_', 2)
),

zones as (
  select *
  from {{ ref('servicetitan_dispatch', 'dispatch_stg_zones') }}
  where active
),

members as (
  select tenant_id, zone_id, cast(technician as bigint) as technician_id
  from (
    select tenant_id, zone_id, {{ servicetitan_dispatch.each_element('technicians') }} as technician
    from zones
  ) as of_zones
),

service_days as (
  select tenant_id, zone_id, {{ servicetitan_dispatch.text_of('weekday') }} as weekday
  from (
    select tenant_id, zone_id, {{ servicetitan_dispatch.each_element('service_days') }} as weekday
    from zones
  ) as of_zones
),

zips as (
  select distinct tenant_id, zone_id, {{ servicetitan_dispatch.text_of('zip') }} as zip
  from (
    select tenant_id, zone_id, {{ servicetitan_dispatch.each_element('zips') }} as zip
    from zones
  ) as of_zones
),

zone_days as (
  select
    zones.tenant_id,
    zones.zone_id,
    zones.name,
    days.day,
    days.as_of,
    coalesce(not zones.service_days_enabled, true) or service_days.weekday is not null as is_served
  from zones
  inner join days on days.tenant_id = zones.tenant_id
  left join service_days
    on service_days.tenant_id = zones.tenant_id
    and service_days.zone_id = zones.zone_id
    and service_days.weekday = case extract(isodow from days.day)
      {% for weekday in ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] -%}
      when {{ loop.index }} then '{{ weekday }}'
      {% endfor %}
    end
),

-- Who counts for what on which day, each once
counted as (
  select skills.tenant_id, 'skill' as cover, skills.cover_key, on_shift.day, on_shift.technician_id
  from skills
  inner join {{ ref('servicetitan_dispatch', 'dispatch_stg_technician_skills') }} as has
    on has.tenant_id = skills.tenant_id
    and split_part(has.skill_id, '_', 2) = skills.cover_key
    and has.active
  inner join on_shift
    on on_shift.tenant_id = has.tenant_id and on_shift.technician_id = has.technician_id

  union

  select zone_days.tenant_id, 'zone' as cover, cast(zone_days.zone_id as text) as cover_key, on_shift.day, on_shift.technician_id
  from zone_days
  inner join members
    on members.tenant_id = zone_days.tenant_id and members.zone_id = zone_days.zone_id
  inner join on_shift
    on on_shift.tenant_id = members.tenant_id
    and on_shift.technician_id = members.technician_id
    and on_shift.day = zone_days.day
  where zone_days.is_served

  union

  select zone_days.tenant_id, 'zip' as cover, zips.zip as cover_key, on_shift.day, on_shift.technician_id
  from zips
  inner join zone_days
    on zone_days.tenant_id = zips.tenant_id and zone_days.zone_id = zips.zone_id
  inner join members
    on members.tenant_id = zone_days.tenant_id and members.zone_id = zone_days.zone_id
  inner join on_shift
    on on_shift.tenant_id = members.tenant_id
    and on_shift.technician_id = members.technician_id
    and on_shift.day = zone_days.day
  where zone_days.is_served
),

asked as (
  select skills.tenant_id, 'skill' as cover, skills.cover_key, skills.cover_name, days.day, days.as_of, true as is_served, cast(null as bigint) as zones
  from skills
  inner join days on days.tenant_id = skills.tenant_id

  union all

  select tenant_id, 'zone' as cover, cast(zone_id as text) as cover_key, name as cover_name, day, as_of, is_served, cast(null as bigint) as zones
  from zone_days

  union all

  select
    zips.tenant_id,
    'zip' as cover,
    zips.zip as cover_key,
    min(zone_days.name) as cover_name,
    zone_days.day,
    zone_days.as_of,
    max(case when zone_days.is_served then 1 else 0 end) = 1 as is_served,
    count(*) as zones
  from zips
  inner join zone_days
    on zone_days.tenant_id = zips.tenant_id and zone_days.zone_id = zips.zone_id
  group by zips.tenant_id, zips.zip, zone_days.day, zone_days.as_of
)

select
  asked.tenant_id,
  asked.day,
  asked.cover,
  asked.cover_key,
  asked.cover_name,
  asked.is_served,
  asked.zones,
  count(on_shift.technician_id) as technicians,
  coalesce(sum(on_shift.shift_hours), 0) as shift_hours,
  coalesce(sum(on_shift.hours_left_by_absence), 0) as hours_left_by_absence,
  asked.as_of
from asked
left join counted
  on counted.tenant_id = asked.tenant_id
  and counted.cover = asked.cover
  and counted.cover_key = asked.cover_key
  and counted.day = asked.day
left join on_shift
  on on_shift.tenant_id = counted.tenant_id
  and on_shift.technician_id = counted.technician_id
  and on_shift.day = counted.day
group by
  asked.tenant_id, asked.day, asked.cover, asked.cover_key, asked.cover_name, asked.is_served, asked.zones, asked.as_of
