-- The tables that the views read: a column for each field that the tap's schema has.
-- A table has a row for each time that a run delivered one, so a key comes with several versions.

create table appointment_assignments (
  "id" bigint,
  "technicianId" bigint,
  "technicianName" varchar,
  "assignedById" bigint,
  "assignedOn" timestamptz,
  "status" varchar,
  "isPaused" boolean,
  "jobId" bigint,
  "appointmentId" bigint,
  "createdOn" timestamptz,
  "modifiedOn" timestamptz,
  "active" boolean,
  "continueFrom" varchar
);

create table technician_shifts (
  "id" bigint,
  "shiftType" varchar,
  "title" varchar,
  "note" varchar,
  "active" boolean,
  "technicianId" bigint,
  "start" timestamptz,
  "end" timestamptz,
  "timesheetCodeId" bigint,
  "createdOn" timestamptz,
  "modifiedOn" timestamptz
);

create table non_job_appointments (
  "id" bigint,
  "technicianId" bigint,
  "start" timestamptz,
  "name" varchar,
  "duration" varchar,
  "timesheetCodeId" bigint,
  "summary" varchar,
  "clearDispatchBoard" boolean,
  "clearTechnicianView" boolean,
  "removeTechnicianFromCapacityPlanning" boolean,
  "allDay" boolean,
  "showOnTechnicianSchedule" boolean,
  "active" boolean,
  "createdOn" timestamptz,
  "modifiedOn" timestamptz,
  "createdById" bigint
);

create table capacities (
  "timeStamp" timestamptz,
  "start" varchar,
  "end" varchar,
  "startUtc" timestamptz,
  "endUtc" timestamptz,
  "businessUnitKey" varchar,
  "businessUnitIds" bigint[],
  "totalAvailability" double,
  "openAvailability" double,
  "technicians" struct("id" bigint, "name" varchar, "status" varchar, "hasRequiredSkills" boolean)[],
  "isAvailable" boolean,
  "isExceedingIdealBookingPercentage" boolean
);
