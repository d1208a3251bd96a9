"""A request whose words for a time may be meant on a day that its call has named before."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.booking.day_readings import (
    NO_TIME,
    Parts,
    any_of,
    ask_which,
    choose_start,
    day_of,
    days_of,
    exact_starts,
    name_days,
    name_time,
    read_on,
)
from askproai_runtime.booking.last_days import offers_other_service
from askproai_runtime.booking.request import ServiceRequest, keep_open_readings, put_on_day, read_parts, read_text
from askproai_runtime.booking.said_days import SaidDays, read_said_days
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.types import CallContext, ClarificationNeeded, NamedTimes
from askproai_runtime.german_dates import Candidate, Understanding, understand_parts


@dataclass(frozen=True, slots=True)
class TimeWords:
    """The arguments of a request, and the times that were `named` before it. `own` is the appointment that is moved."""

    named: NamedTimes
    call: CallContext
    args: Mapping[str, Any]
    zone: ZoneInfo
    find_service: Callable[[], ServiceRequest]
    searches: bool
    own: Appointment | None

    @property
    def parts(self) -> Parts:
        return read_parts(self.args)

    @property
    def said(self) -> Mapping[str, str]:
        """The arguments for a time that there are."""
        return {name: text for name in NO_TIME if (text := read_text(self.args, name))}

    @property
    def day(self) -> str:
        """The words that may name a day."""
        day, clock, _ = self.parts
        return day or clock or ""

    @property
    def named_days(self) -> list[date]:
        return days_of(self.named.starts, self.zone)

    @property
    def offered(self) -> set[datetime]:
        return {offer[0].start for offer in self.call.offered}

    @property
    def own_day(self) -> date | None:
        """The day of the appointment that is moved."""
        return None if self.own is None else day_of(self.own.starts_at, self.zone)

    @property
    def is_of_other_service(self) -> bool:
        """Whether the appointment that is moved is of another service than the named times."""
        return self.own is not None and offers_other_service(self.call, self.own.service)

    @property
    def is_refused(self) -> bool:
        """Whether the time alone is that of the refused start, and was not offered with another person at that start."""
        refused = self.named.refused
        return (
            refused is not None
            and refused not in self.named.starts
            and refused in self.at({day_of(refused, self.zone)})
        )

    def understand(self, *parts: str | None) -> tuple[Candidate, ...]:
        """Return the readings of a day, a time and a part of a day, as of the beginning of the call."""
        return understand_parts(*parts, at=self.call.started_at, zone=self.zone).candidates

    def at(self, days: Collection[date]) -> set[datetime]:
        """Return the starts that a time alone means on days."""
        return exact_starts(read_on(days, self.parts, self.call, self.zone))

    def at_own(self) -> set[datetime]:
        """Return the starts that a time alone means on the day of the appointment which is moved, but its own one."""
        if self.own is None or self.own_day is None:
            return set()
        found = Understanding(tuple(read_on({self.own_day}, self.parts, self.call, self.zone)), ambiguous=True)
        return exact_starts(keep_open_readings(found, self.find_service()).candidates) - {self.own.starts_at}

    def read_said(self) -> SaidDays:
        """Return which of the days on which a time can be meant, or was offered before, the caller has chosen since."""
        starts = {*self.named.starts, *self.call.offered_last, *self.offered, self.named.refused}
        days = {*days_of(filter(None, starts), self.zone), *filter(None, [self.own_day])}
        times = [each.astimezone(self.zone) for each in self.at(days)]
        return read_said_days(self.named.said_since, times, self.call.started_at.astimezone(self.zone))

    def on_days(self, days: Collection[date]) -> Mapping[str, Any]:
        """Return the arguments of a time alone on any of these days."""
        return name_time(self.args, any_of(sorted(days)), *put_on_day(min(days), self.parts)[1:])

    def with_days(self, meant: Collection[date], *, asks: bool) -> Mapping[str, Any]:
        return name_days(self.args, self.call, self.zone, self.find_service, meant, asks=asks)

    def with_start(self, meant: Collection[datetime]) -> Mapping[str, Any]:
        return choose_start(self.args, self.call, self.zone, meant)

    def ask_which(self, meant: Collection[datetime]) -> ClarificationNeeded:
        """Return the question which of the starts is meant."""
        return ask_which(meant, self.call, self.zone)

    def ask_named(self) -> ClarificationNeeded:
        """Return the question which of the named times is meant, or of the named days."""
        return ask_which(self.named.starts, self.call, self.zone, is_exact=self.named.is_exact)
