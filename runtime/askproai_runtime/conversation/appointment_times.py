"""The time by which a request names an appointment (`appointment_date`, `appointment_time`)."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Self, TypeAlias
from zoneinfo import ZoneInfo

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.time_arguments import write_day_and_month
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.phrases import format_reading
from askproai_runtime.sentences import format_written_day, say, speak_written_clocks
from askproai_runtime.spoken_times import Argument, Candidate, Grain, Refusal, understand_parts
from askproai_runtime.spoken_times.arguments import find_open_span, find_part_argument
from askproai_runtime.understood import UNDERSTOOD

_AND = re.compile(rf"\s*(?:,|&|\b(?:{UNDERSTOOD.own_appointments.and_words})\b)\s*", re.IGNORECASE)
Fit: TypeAlias = Callable[[Sequence[Appointment]], list[Appointment]]  # `narrow` by the arguments of a request


@dataclass(frozen=True, slots=True)
class NamedTime:
    """The time by which a request names an existing appointment: the possible `readings` of `appointment_date` and
    `appointment_time`, or why there are none (`refused`). Both are empty if neither argument was passed. `on_any_day`: only
    a time of day is named.
    """

    readings: tuple[Candidate, ...] = ()
    on_any_day: bool = False
    refused: Refusal | None = None

    @property
    def spoken(self) -> str:
        """The readings as one text in the call's language. Two wordings of one time have the same text, so that it is a key."""
        return ", ".join(reading.reading for reading in self.readings) or str(self.refused)

    @property
    def is_nothing(self) -> bool:
        return not self.readings and self.refused is None

    @classmethod
    def of(cls, args: Mapping[str, Any], call: CallContext, zone: ZoneInfo) -> Self:
        day, clock_time = read_text(args, "appointment_date"), read_text(args, "appointment_time")
        day = day and write_day_and_month(day)
        if day and clock_time is None and find_part_argument(day) is Argument.TIME:
            day, clock_time = None, day
        if day is None and clock_time is None:
            return cls()
        # A time without a day is read as of midnight: a time that is over today may be that of an appointment on another day.
        at = call.started_at if day else datetime.combine(call.started_at.astimezone(zone).date(), time(), zone)
        understood = understand_parts(day, clock_time, None, at=at, zone=zone)
        if understood.contradicts:
            return cls(refused=Refusal.NOT_UNDERSTOOD)
        return cls(understood.candidates, day is None, understood.refused)

    def select(self, appointments: Sequence[Appointment]) -> list[Appointment]:
        return [a for a in appointments if self.is_at(a.starts_at)]

    def is_at(self, start: datetime) -> bool:
        """Return whether `start` is within one of the readings."""
        return any(self._is_at(start, reading) for reading in self.readings)

    def fits(self, appointment: Appointment) -> bool:
        """Return True if the named time does not contradict the id by which the model named this appointment.

        A time that is not understood, or no time, contradicts no id.
        """
        return self.is_at(appointment.starts_at) if self.readings else self.refused in {None, Refusal.NOT_UNDERSTOOD}

    def find_likely(
        self, appointments: Sequence[Appointment], on_weekday: Sequence[Appointment], fit: Fit
    ) -> Appointment | None:
        """Return the appointment that a wrong time probably means: the only one on the named day, else on the named weekday,
        else of all. `fit` narrows several by customer, service or staff. None if several are left, no time is named, or the
        time fits one.
        """
        if self.is_nothing or self.select(appointments):
            return None
        likely = fit([each for each in appointments if self.is_day_of(each)] or on_weekday or appointments)
        return likely[0] if len(likely) == 1 else None

    def is_day_of(self, appointment: Appointment) -> bool:
        """Return whether the appointment is on the named day."""
        if not self.readings:
            return False
        on_day = appointment.starts_at.astimezone(self.readings[0].start.tzinfo).date()
        return not self.on_any_day and any(reading.start.date() == on_day for reading in self.readings)

    def _is_at(self, start: datetime, reading: Candidate) -> bool:
        if self.on_any_day:
            local = start.astimezone(reading.start.tzinfo).time()
            return (
                local == reading.start.time()
                if reading.end is None
                else reading.start.time() <= local and (local < reading.end.time() or reading.end.time() == time())
            )
        return reading.contains(start)


def is_on_weekday(appointment: Appointment, args: Mapping[str, Any], call: CallContext, zone: ZoneInfo) -> bool:
    """Return True if `appointment_date` is a weekday, and this weekday (with the named time, if any) is the appointment's in
    its week. The argument is read as of 1 and of 6 days before the appointment: unlike "morgen", a weekday means the same
    day both times.
    """
    if find_open_span(read_text(args, "appointment_date") or "") is not Grain.WEEK:
        return False
    start = appointment.starts_at.astimezone(zone)
    as_of = (replace(call, started_at=start - timedelta(days=days)) for days in (1, 6))
    return all(NamedTime.of(args, earlier, zone).is_at(start) for earlier in as_of)


def split_days(args: Mapping[str, Any]) -> list[str]:
    """Return the texts of the days in `appointment_date`: two for "Mittwoch und Freitag"."""
    return _AND.split(read_text(args, "appointment_date") or "")


def list_on_days(
    call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, appointments: Sequence[Appointment]
) -> list[Appointment]:
    """Return one appointment for each of several named days ("Mittwoch und Freitag"); [] unless each day has exactly one."""
    days = split_days(args)
    if len(days) == 1:
        return []
    on_days = [NamedTime.of({**args, "appointment_date": day}, call, zone).select(appointments) for day in days]
    return [each for (each,) in on_days] if all(len(each) == 1 for each in on_days) else []


def say_not_read(refusal: Refusal) -> str:
    return {
        Refusal.PAST: say().past_named,
        Refusal.IMPOSSIBLE: say().impossible_named,
        Refusal.NOT_UNDERSTOOD: say().named_not_understood,
    }[refusal]


def say_missed(ctx: BookingContext, named: NamedTime) -> str:
    """Return the sentence that the caller has no appointment at the named time."""
    if named.refused is not None:
        return say_not_read(named.refused)
    reading = named.readings[0]
    when = format_reading(reading, ZoneInfo(ctx.config().time_zone), ctx.clock.now())
    clock = reading.reading.removeprefix(format_written_day(reading.start.date())).lstrip(", ")
    if named.on_any_day and clock:  # nobody has named the day
        when = speak_written_clocks(clock)
    return say().none_then.format(when=when)
