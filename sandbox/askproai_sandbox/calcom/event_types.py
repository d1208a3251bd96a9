"""An event type of Cal.com: its fields with the server's defaults, and its rules for bookings (docs/vendors/calcom.md)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from askproai_sandbox.calcom.hosts import TIME_ZONE, Span

_EVENT_TYPE = yaml.safe_load(Path(__file__).with_name("event_type.yaml").read_text(encoding="utf-8"))


class Scheduling(StrEnum):
    """The ways in which a team's event type uses its hosts."""

    COLLECTIVE = "collective"  # all at once
    ROUND_ROBIN = "roundRobin"  # one of them
    MANAGED = "managed"  # none: only a template of event types of its members


@dataclass(slots=True)
class EventType:
    """An event type at Cal.com. A team's event type has a `scheduling`; without it, there is one host."""

    id: int
    host: str
    fields: dict[str, Any]
    scheduling: Scheduling | None = None
    hosts: tuple[str, ...] = ()

    @classmethod
    def create(
        cls,
        number: int,
        host: str,
        fields: dict[str, Any],
        scheduling: Scheduling | None = None,
        hosts: tuple[str, ...] = (),
    ) -> "EventType":
        """Return an event type with Cal.com's defaults. Raises ValueError for a field that the simulator does not support."""
        if unknown := fields.keys() - set(_EVENT_TYPE["settable"]):
            raise ValueError(f"not simulated at an event type: {', '.join(sorted(unknown))}")
        names = {"title": f"Event {number}", "slug": f"event-{number}"}
        result = cls(
            number, hosts[0] if hosts else host, {**_EVENT_TYPE["defaults"], **names, **fields}, scheduling, hosts
        )
        result.fields["bookingFields"] = _with_defaults(fields.get("bookingFields", []))
        if (options := result.fields.get("lengthInMinutesOptions")) and result.fields["lengthInMinutes"] not in options:
            raise ValueError("lengthInMinutesOptions must contain lengthInMinutes")
        return result

    def minutes(self, name: str) -> timedelta:
        return timedelta(minutes=self.fields[name] or 0)

    @property
    def host_names(self) -> tuple[str, ...]:
        return self.hosts or (self.host,)

    @property
    def needs_confirmation(self) -> bool:
        return not self.fields["confirmationPolicy"].get("disabled")

    @property
    def pending_blocks(self) -> bool:
        """Return True if a booking that waits for its confirmation makes the host busy. By default it does not."""
        return bool(self.fields["confirmationPolicy"].get("blockUnconfirmedBookingsInBooker"))

    @property
    def seats(self) -> int | None:
        """Return how many attendees one booking can have; None if the event type has no seats."""
        seats: int | None = self.fields["seats"].get("seatsPerTimeSlot")
        return seats

    def counts(self, only: Collection[int], host_id: int) -> bool:
        """Return True if a request that names the hosts `only` (empty: all hosts) considers the host.

        Only a round robin with the setting `rrHostSubsetEnabled` respects `only`; other event types silently ignore it.
        """
        is_respected = self.scheduling is Scheduling.ROUND_ROBIN and self.fields["rrHostSubsetEnabled"]
        return not only or not is_respected or host_id in only

    def booking_field(self, slug: str) -> dict[str, Any]:
        """Return the booking field with this slug, empty if there is none."""
        return next((f for f in self.fields["bookingFields"] if f["slug"] == slug), {})

    def length(self, requested: int | None = None) -> timedelta | None:
        """Return the length of a booking that requests `requested` minutes; None if the event type does not offer that length."""
        if requested is None or requested in (self.fields.get("lengthInMinutesOptions") or ()):
            return timedelta(minutes=requested or self.fields["lengthInMinutes"])
        return None

    def blocked_span(self, start: datetime, end: datetime) -> Span:
        """Return the span in which a booking of this type makes its host busy: from `start` to `end`, with the buffers."""
        return start - self.minutes("beforeEventBuffer"), end + self.minutes("afterEventBuffer")

    def is_bookable(self, start: datetime, now: datetime) -> bool:
        """Return True if a start respects the minimum notice and is within the booking window."""
        days = self.fields["bookingWindow"].get("value")
        last_day = now.astimezone(TIME_ZONE).date() + timedelta(days=days) if days else None
        in_time = start >= now + self.minutes("minimumBookingNotice")
        return in_time and (last_day is None or start.astimezone(TIME_ZONE).date() <= last_day)


def _with_defaults(own: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the default booking fields, each changed by the event type's field of the same slug, then its other fields."""
    fields = {field["slug"]: field for field in _EVENT_TYPE["defaults"]["bookingFields"]}
    for changed in own:
        default = fields.get(changed["slug"], {"isDefault": False, "required": False, "hidden": False})
        fields[changed["slug"]] = {**default, **changed}
    return list(fields.values())
