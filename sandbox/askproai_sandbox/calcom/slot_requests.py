"""Free slots of API v2 (docs/vendors/calcom.md). Reservations of slots are not simulated."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from askproai_sandbox.calcom import requests
from askproai_sandbox.calcom.account import Account
from askproai_sandbox.calcom.availability import Availability
from askproai_sandbox.calcom.event_types import EventType
from askproai_sandbox.calcom.server import Server, ok
from askproai_sandbox.simulator import Refusal

_VERSION = "2024-09-04"
_END_OF_DAY = time(23, 59, 59)


class Slots:
    """The handler of `GET /v2/slots`, which needs no key."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.serve("GET", "/v2/slots", "list-slots", self._list, version=_VERSION, public=True)

    async def _list(self, request: web.Request, client: Account) -> web.Response:
        query = requests.parse(requests.SlotsQuery, request.query)
        if query.format.lower() not in {"time", "range"}:
            raise requests.invalid("format", "slotFormat must be either 'range' or 'time'")
        zone = requests.check_zone("timeZone", query.time_zone) if query.time_zone else ZoneInfo("UTC")
        account, event_type = self._find(query, client)
        first, last = requests.instant_of("start", query.start), _end_of(requests.instant_of("end", query.end))
        if last < first:
            raise Refusal(400, "Invalid time range given - check the 'start' and 'end' query parameters.")
        length = timedelta(minutes=query.duration or event_type.fields["lengthInMinutes"])
        availability = Availability(account, event_type, self._server.clock.now(), query.booking_uid_to_reschedule)
        outside = timedelta(minutes=self._server.settings["slots_outside_minutes"])
        only = [int(number) for number in (query.rr_host_subset_ids or "").split(",") if number.strip().isdigit()]
        days: dict[str, list[dict[str, Any]]] = {}
        for start in availability.starts(first - outside, last + outside, length, only):
            shown = start + self._clock_change_error(first, start, zone)
            slot = {"start": _in_zone(shown, zone)}
            if query.format.lower() == "range":
                slot["end"] = _in_zone(shown + length, zone)
            days.setdefault(shown.astimezone(zone).date().isoformat(), []).append(
                slot | _seats(availability, start, length)
            )
        return ok(days)

    def _find(self, query: requests.SlotsQuery, client: Account) -> tuple[Account, EventType]:
        """Return the event type that a query names by its id, and its account. Raises Refusal."""
        if query.event_type_id is None:
            raise requests.invalid(
                "eventTypeId", "eventTypeId must be a number conforming to the specified constraints"
            )
        if found := self._server.find_event_type(query.event_type_id, client):
            return found
        raise Refusal(404, "Event Type not found")

    def _clock_change_error(self, first: datetime, start: datetime, zone: ZoneInfo) -> timedelta:
        """Return by how much a slot's time is wrong because Cal.com uses one UTC offset throughout (calcom/cal.com#10517)."""
        if not self._server.settings["slots_clock_change_error"]:
            return timedelta()
        return (start.astimezone(zone).utcoffset() or timedelta()) - (first.astimezone(zone).utcoffset() or timedelta())


def _end_of(value: datetime) -> datetime:
    """Return the end of the requested range. A date means the end of that day, and so does midnight as a time."""
    return datetime.combine(value.date(), _END_OF_DAY, UTC) if value.time() == time() else value


def _in_zone(value: datetime, zone: ZoneInfo) -> str:
    return value.astimezone(zone).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seats(availability: Availability, start: datetime, length: timedelta) -> dict[str, Any]:
    """Return a slot's fields on its seats and its booking's uid; an empty dictionary for an event type without seats."""
    left, total = availability.seats_left(start, start + length), availability.event_type.seats
    if left is None or total is None:
        return {}
    booking = availability.seated(start)
    uid = {"bookingUid": booking.uid} if booking else {}
    return {"seatsBooked": total - left, "seatsRemaining": left, "seatsTotal": total, **uid}
