-- Each row is an appointment as a customer was promised it, by the source of appointments that somebody
-- has named; the Dispatch API tells nothing of it.
{{ servicetitan_dispatch.appointments_named() }}
