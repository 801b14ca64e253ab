-- Each row is a forecast of a slot, the last of a day before the slot began, beside what came of the slot.
create or replace view capacity_forecast as
with snapshots as (
  select
    *,
    "totalAvailability" - "openAvailability" as booked,
    row_number() over (
      partition by "startUtc", "endUtc", "businessUnitKey" order by "timeStamp" desc
    ) as nth
  from capacities
),
forecasts as (
  select *, date_diff('day', "timeStamp", "startUtc") as days_ahead
  from snapshots
  where "timeStamp" < "startUtc"
  qualify row_number() over (
    partition by "startUtc", "endUtc", "businessUnitKey", days_ahead order by "timeStamp" desc
  ) = 1
),
arrivals as (
  select assignment_id, technician_id, min(since) as arrived_on
  from assignment_states
  where status = 'Working'
  group by assignment_id, technician_id
),
visits as (
  select slot."startUtc", slot."endUtc", slot."businessUnitKey", count(*) as visits_begun
  from (select *, unnest("technicians")."id" as technician_id from snapshots where nth = 1) as slot
  join arrivals
    on arrivals.technician_id = slot.technician_id
    and arrivals.arrived_on >= slot."startUtc"
    and arrivals.arrived_on < slot."endUtc"
  group by all
)
select
  "startUtc" as begins,
  "endUtc" as ends,
  "businessUnitKey" as business_units,
  forecasts.days_ahead,
  forecasts."timeStamp" as forecast_on,
  forecasts."totalAvailability" as forecast_hours,
  forecasts.booked as forecast_booked,
  came."timeStamp" as came_on,
  came."totalAvailability" as came_hours,
  came.booked as came_booked,
  came.booked - forecasts.booked as booked_since,
  coalesce(visits.visits_begun, 0) as visits_begun
from forecasts
join snapshots as came using ("startUtc", "endUtc", "businessUnitKey")
left join visits using ("startUtc", "endUtc", "businessUnitKey")
where came.nth = 1 and came."timeStamp" >= "endUtc";
