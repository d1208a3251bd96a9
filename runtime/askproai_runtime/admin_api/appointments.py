"""The appointments book, and what is free on a day."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.endpoint import PAGE, ApiRequest, Endpoint, Param, next_cursor
from askproai_runtime.admin_api.store import AdminApiStore
from askproai_runtime.booking import BookingContext, Status, UnknownName, list_free_slots


class AppointmentEntry(msgspec.Struct, frozen=True):
    """One appointment; `start` and `end` have the offset of the tenant's time zone."""

    id: str
    branch: str
    service: str
    staff: str
    start: datetime
    end: datetime
    status: Status
    customer_name: str
    call_id: str | None
    external_id: str | None
    correlation_id: str
    error: str | None


class AppointmentPage(msgspec.Struct, frozen=True):
    """`zone` is the tenant's time zone, such as Europe/Berlin: an offset alone does not name it."""

    appointments: list[AppointmentEntry]
    next: str | None
    zone: str


class FreeSlot(msgspec.Struct, frozen=True):
    start: datetime
    end: datetime
    staff: str


class SlotList(msgspec.Struct, frozen=True):
    slots: list[FreeSlot]
    zone: str


class Appointments:
    """The endpoints of one tenant's book."""

    def __init__(self, store: AdminApiStore, booking: Callable[[], BookingContext]) -> None:
        self._store, self._booking = store, booking

    def endpoints(self) -> tuple[Endpoint, ...]:
        filters = (
            Param("from", "Starts then or later; a day or a local time"),
            Param("to", "Starts before then"),
            Param("branch", "Only in this branch"),
            Param("staff", "Only with this person"),
            Param("status", "Only these", tuple(Status)),
        )
        slot_params = (
            Param("branch", "Name of the branch", required=True),
            Param("service", "Name of the service", required=True),
            Param("date", "The day", required=True),
        )
        return (
            Endpoint(
                "GET", "/appointments", "Appointments by start", AppointmentPage, self.list_page, (*filters, *PAGE)
            ),
            Endpoint(
                "GET", "/slots", "What is free on a day, one entry for each person", SlotList, self.slots, slot_params
            ),
        )

    async def list_page(self, request: ApiRequest) -> AppointmentPage:
        limit, after = request.limit(), request.cursor(datetime, UUID)
        rows = await self._store.list_appointments(
            start=request.instant("from"), end=request.instant("to"), branch=request.text("branch"),
            staff=request.text("staff"), status=request.choice("status"), after=after, limit=limit,
        )  # fmt: skip
        entries = [_to_entry(dict(row), request.zone) for row in rows]
        following = next_cursor(entries[-1].start, entries[-1].id) if len(entries) == limit else None
        return AppointmentPage(entries, following, request.zone.key)

    async def slots(self, request: ApiRequest) -> SlotList:
        branch, service = request.text("branch") or "", request.text("service") or ""
        try:
            slots = await list_free_slots(self._booking(), branch, service, request.day("date"))
        except UnknownName as error:
            raise Problem(404, "Not Found", str(error)) from None
        zone = request.zone
        return SlotList(
            [FreeSlot(slot.start.astimezone(zone), slot.end.astimezone(zone), slot.staff) for slot in slots], zone.key
        )


def _to_entry(row: dict[str, Any], zone: ZoneInfo) -> AppointmentEntry:
    local_times = {name: row[name].astimezone(zone) for name in ("start", "end")}
    return msgspec.convert(row | local_times, AppointmentEntry)
