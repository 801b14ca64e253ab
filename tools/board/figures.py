"""The figures of a board, and between what they have to lie."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import groupby, pairwise
from statistics import mean, median
from typing import TYPE_CHECKING, NamedTuple

from tap_servicetitan_dispatch.sandbox.world.assignments import latest
from tap_servicetitan_dispatch.sandbox.world.bookings import LATEST_LEFTOVER_DAYS
from tap_servicetitan_dispatch.sandbox.world.holidays import holiday
from tap_servicetitan_dispatch.sandbox.world.instants import DAY, HOUR, MINUTE, SATURDAY
from tools.board.runs import forgotten_at_midnight, told_otherwise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tap_servicetitan_dispatch.sandbox.world.assignments import Assignment
    from tools.board.seen import Seen, Visit


class Figure(NamedTuple):
    """Something that can be counted or measured on a board.

    Attributes:
        what: What it is, with its unit.
        least: No board has less.
        most: No board has more.
        of: Returns it.
    """

    what: str
    least: float
    most: float
    of: Callable[[Seen], float]

    def fits(self, value: float) -> bool:
        """Return whether a value is as it should be."""
        return self.least <= value <= self.most


def _percent(found: Iterable[bool]) -> float:
    """Return how many of some are true, in per cent."""
    return 100 * mean(found)


# Technicians are in one place at a time


def _at_two_at_once(seen: Seen) -> float:
    return _percent(
        last.done is not None and following.arrived < last.done
        for last, following in seen.consecutive
    )


def _sent_ahead(seen: Seen) -> float:
    return _percent(
        last.done is not None and following.sent < last.done for last, following in seen.consecutive
    )


def _begun_in_an_event(seen: Seen) -> float:
    return sum(
        event.start <= instant < event.end
        for event in seen.events
        if event.active
        for visit in seen.visits.get(event.technician_id, ())
        for instant in (visit.sent, visit.arrived)
    )


def _minutes_into_an_event(seen: Seen) -> float:
    overruns = [
        visit.done - event.start
        for event in seen.events
        if event.active
        for visit in seen.visits.get(event.technician_id, ())
        if visit.done is not None and visit.sent < event.start
        if event.start < visit.done
    ]
    return max(overruns, default=0) / MINUTE


def _begun_outside_shifts(seen: Seen) -> float:
    return sum(
        not any(shift.start <= instant < shift.end for shift in seen.shifts_of[technician])
        for technician, visits in seen.visits.items()
        for visit in visits
        for instant in (visit.sent, visit.arrived)
    )


def _minutes_after_shifts(seen: Seen) -> float:
    overtime = [
        visit.done - shift.end
        for technician, visits in seen.visits.items()
        for visit in visits
        for shift in seen.shifts_of[technician]
        if visit.done is not None and shift.start <= visit.arrived < shift.end
    ]
    return max(overtime) / MINUTE


# Who is away is away


def _sick_at_work(seen: Seen) -> float:
    return sum(
        shift.modified_on < visit.sent < shift.end
        for shift in seen.shifts
        if not shift.active
        for visit in seen.visits.get(shift.technician_id, ())
    )


def _left_by_the_sick(seen: Seen) -> float:
    """Return of how many visits of leads who called in sick others took care, then or later."""
    called_in = {
        (shift.technician_id, day): shift.modified_on
        for shift in seen.shifts
        if not shift.active and shift.technician_id not in seen.apprentices
        # What is put off then may be for a day that is not looked at.
        if (day := seen.calendar.day_of(shift.start)) < seen.days[-LATEST_LEFTOVER_DAYS]
    }
    latest_row = {job: max(row.created_on for row in rows) for job, rows in _by_job(seen).items()}
    return _percent(
        latest_row[row.job_id] > instant
        for row in seen.ended
        if (instant := called_in.get(_place(seen, row))) is not None
        and row.created_on <= instant < row.modified_on
    )


def _place(seen: Seen, row: Assignment) -> tuple[int, int]:
    return row.technician.id, seen.calendar.day_of(row.appointment.start)


def _by_job(seen: Seen) -> dict[int, list[Assignment]]:
    by_job: dict[int, list[Assignment]] = defaultdict(list)
    for row in seen.ended:
        by_job[row.job_id].append(row)
    return by_job


def _on_call_by_day(seen: Seen) -> float:
    calendar = seen.calendar
    return sum(
        shift.start < calendar.at(day, 17) or shift.end > calendar.at(day + 1, 7)
        for shift in seen.shifts
        if shift.shift_type == "OnCall"
        and not holiday(calendar.date(day := calendar.day_of(shift.start)))
    )


def _visits_on_call(seen: Seen) -> float:
    return mean(
        sum(
            shift.start <= visit.arrived < shift.end
            for visit in seen.visits.get(shift.technician_id, ())
        )
        for shift in seen.shifts
        if shift.shift_type == "OnCall"
    )


def _all_day_off_midnight(seen: Seen) -> float:
    return sum(
        event.start != seen.calendar.midnight(seen.calendar.day_of(event.start))
        for event in seen.events
        if event.all_day
    )


def _work_on_holidays(seen: Seen) -> float:
    by_day = Counter(seen.day_of(visit) for visits in seen.visits.values() for visit in visits)
    on_holidays = [by_day[day] for day in seen.days if _holiday(seen, day)]
    return 100 * mean(on_holidays) / mean(by_day[day] for day in seen.days if _ordinary(seen, day))


def _holiday(seen: Seen, day: int) -> bool:
    return holiday(seen.calendar.date(day)) is not None


def _ordinary(seen: Seen, day: int) -> bool:
    return seen.calendar.weekday(day) < SATURDAY and not _holiday(seen, day)


# What happens now and then


def _withdrawn_after_dispatch(seen: Seen) -> float:
    return _percent(row.status != "Scheduled" and not row.active for row in seen.ended)


def _forgotten(seen: Seen) -> float:
    return _percent(row.status == "Working" for row in seen.ended)


def _second_appointments(seen: Seen) -> float:
    appointments = [{row.appointment_id for row in rows} for rows in _by_job(seen).values()]
    return _percent(len(each) > 1 for each in appointments)


def _assigned_later(seen: Seen) -> float:
    return _percent(row.assigned_on > row.created_on for row in seen.ended)


def _nothing_to_see(seen: Seen) -> float:
    """Versions in which nothing but the time of the change is different."""
    changes = [pair for life in seen.lives for pair in pairwise(life)]
    return _percent(
        before.wire() | {"modifiedOn": ""} == after.wire() | {"modifiedOn": ""}
        for before, after in changes
    )


def _at_night(seen: Seen) -> float:
    """Return the share of the changes between ten in the evening and six in the morning."""
    calendar = seen.calendar
    times = (calendar.local(row.modified_on) % DAY for row in seen.versions)
    return _percent(not 6 * HOUR <= time < 22 * HOUR for time in times)


# The latest assignment counts


def _came_back(seen: Seen) -> float:
    pairs = Counter((row.technician.id, row.appointment_id) for row in seen.ended)
    return _percent(count > 1 for count in pairs.values())


def _look_alive(seen: Seen) -> float:
    counting = {row.id for row in latest(seen.ended)}
    return _percent(row.active and row.id not in counting for row in seen.ended)


def _with_two_leads(seen: Seen) -> float:
    """Count the appointments that have two leads at a time, by the latest rows."""
    by_appointment: dict[int, list[Assignment]] = defaultdict(list)
    for row in seen.versions:
        if row.technician.id not in seen.apprentices:
            by_appointment[row.appointment_id].append(row)
    return sum(map(_ever_two, by_appointment.values()))


def _ever_two(versions: list[Assignment]) -> bool:
    rows: dict[int, Assignment] = {}
    versions.sort(key=lambda row: row.modified_on)
    for _, together in groupby(versions, key=lambda row: row.modified_on):
        rows |= {row.id: row for row in together}
        if sum(row.active for row in latest(rows.values())) > 1:
            return True
    return False


def _numbered_out_of_order(seen: Seen) -> float:
    appointments = {row.appointment_id: row.appointment.booked_on for row in seen.ended}
    kinds: list[list[tuple[int, int]]] = [
        [(row.created_on, row.id) for row in seen.ended],
        [(row.created_on, row.id) for row in seen.shifts],
        [(row.created_on, row.id) for row in seen.events],
        [(booked_on, id_) for id_, booked_on in appointments.items()],
    ]
    return sum(
        after[1] <= before[1] for created in kinds for before, after in pairwise(sorted(created))
    )


# What was good, and stays


def _rows_a_weekday(seen: Seen) -> float:
    days = [day for day in seen.days if _ordinary(seen, day)]
    return len([row for row in seen.ended if _ordinary(seen, _place(seen, row)[1])]) / len(days)


def _minutes_to_work(seen: Seen) -> float:
    return mean(visit.arrived - visit.sent for visit in _every(seen)) / MINUTE


def _minutes_to_done(seen: Seen) -> float:
    return median(visit.done - visit.sent for visit in _every(seen) if visit.done) / MINUTE


def _every(seen: Seen) -> Iterable[Visit]:
    return (visit for visits in seen.visits.values() for visit in visits)


def _visits_a_day(seen: Seen) -> float:
    days = Counter(
        (visit.technician, seen.day_of(visit))
        for visit in _every(seen)
        if _ordinary(seen, seen.day_of(visit))
    )
    return mean(days.values())


def _utilisation(seen: Seen) -> float:
    """What non-job appointments leave of the normal shifts."""
    shifts = [row for row in seen.shifts if row.active and row.shift_type == "Normal"]
    away = sum(
        max(0, min(shift.end, event.end) - max(shift.start, event.start))
        for shift in shifts
        for event in seen.events
        if event.active and event.technician_id == shift.technician_id
    )
    return 100 - 100 * away / sum(shift.end - shift.start for shift in shifts)


FIGURES = (
    Figure("Visits at which a technician works on two at once, %", 0, 0, _at_two_at_once),
    Figure("Visits to which a technician is sent before the last is done, %", 0.2, 4, _sent_ahead),
    Figure("Visits that start into a non-job appointment", 0, 0, _begun_in_an_event),
    Figure("Minutes that a visit eats of one, at most", 0, 20, _minutes_into_an_event),
    Figure("Visits of technicians who called in sick", 0, 0, _sick_at_work),
    Figure("Visits of theirs that others did or that were put off, %", 95, 100, _left_by_the_sick),
    Figure("Visits that start outside of shifts", 0, 0, _begun_outside_shifts),
    Figure("Minutes that a visit goes on after a shift, at most", 0, 61, _minutes_after_shifts),
    Figure("On-call shifts by day, but on holidays", 0, 0, _on_call_by_day),
    Figure("Visits in an on-call shift", 0.3, 1.5, _visits_on_call),
    Figure("All-day events that do not begin at midnight", 0, 0, _all_day_off_midnight),
    Figure("Visits on a holiday, in % of those on a weekday", 0, 10, _work_on_holidays),
    Figure("Assignments withdrawn after dispatch, %", 1, 5, _withdrawn_after_dispatch),
    Figure("Assignments forgotten in Working, %", 0.7, 4, _forgotten),
    Figure("Jobs with a second appointment, %", 1, 7, _second_appointments),
    Figure("Assignments assigned later than created, %", 1, 7, _assigned_later),
    Figure("Changes with nothing to see, %", 0, 4, _nothing_to_see),
    Figure("Changes between 22:00 and 06:00, %", 0, 4, _at_night),
    Figure("Technicians who came back to an appointment, %", 0.5, 5, _came_back),
    Figure("Rows that look alive although a later one counts, %", 0.5, 5, _look_alive),
    Figure("Appointments with two leads by the latest rows", 0, 0, _with_two_leads),
    Figure("Rows numbered out of the order of creation", 0, 0, _numbered_out_of_order),
    Figure("Rows that are gone after midnight", 0, 0, forgotten_at_midnight),
    Figure("Rows on which sandboxes begun on different days disagree", 0, 0, told_otherwise),
    Figure("Assignments for a weekday, of 20,000", 210, 280, _rows_a_weekday),
    Figure("Minutes from dispatch to work", 29, 35, _minutes_to_work),
    Figure("Minutes from dispatch to done", 112, 128, _minutes_to_done),
    Figure("Visits a technician makes on a weekday", 3.2, 3.8, _visits_a_day),
    Figure("Utilisation, %", 88, 98, _utilisation),
)
