"""The appointments book, and what is free on a day."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec

from askproai_core.database import Pool
from askproai_core.http_server import Problem
from askproai_runtime.admin_api.endpoint import PAGE, Endpoint, Param, Query, next_cursor
from askproai_runtime.booking import BookingService, Status, UnknownName


class AppointmentRow(msgspec.Struct, frozen=True):
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
    appointments: list[AppointmentRow]
    next: str | None


class FreeSlot(msgspec.Struct, frozen=True):
    start: datetime
    end: datetime
    staff: str


class SlotList(msgspec.Struct, frozen=True):
    slots: list[FreeSlot]


_PAGE = """
SELECT id::text AS id, branch, service, staff, starts_at AS start, ends_at AS end, status, customer_name, call_id, external_id,
       correlation_id, error
FROM appointments WHERE tenant = $1
  AND ($2::timestamptz IS NULL OR starts_at >= $2) AND ($3::timestamptz IS NULL OR starts_at < $3)
  AND ($4::text IS NULL OR branch = $4) AND ($5::text IS NULL OR staff = $5) AND ($6::text IS NULL OR status = $6)
  AND ($7::timestamptz IS NULL OR (starts_at, id) > ($7, $8::uuid))
ORDER BY starts_at, appointments.id LIMIT $9
"""


class Appointments:
    """The book of one tenant, asked with the tenant's own role."""

    def __init__(self, pool: Pool, tenant: str, booking: Callable[[], BookingService]) -> None:
        self._pool, self._tenant, self._booking = pool, tenant, booking

    def endpoints(self) -> tuple[Endpoint, ...]:
        filters = (
            Param("from", "Starts then or later; a day or a local time"),
            Param("to", "Starts before then"),
            Param("branch", "Only in this branch"),
            Param("staff", "Only with this person"),
            Param("status", "Only these", Status),
        )
        of_day = (
            Param("branch", "Name of the branch", required=True),
            Param("service", "Name of the service", required=True),
            Param("date", "The day", required=True),
        )
        return (
            Endpoint("GET", "/appointments", "Appointments by start", AppointmentPage, self.page, (*filters, *PAGE)),
            Endpoint("GET", "/slots", "What is free on a day, one entry for each person", SlotList, self.slots, of_day),
        )

    async def page(self, query: Query) -> AppointmentPage:
        limit, after = query.limit(), query.cursor(datetime, UUID) or [None, None]
        found = await self._pool.fetch(
            _PAGE, self._tenant, query.instant("from"), query.instant("to"), query.text("branch"), query.text("staff"),
            query.choice("status", Status), *after, limit,
        )  # fmt: skip
        rows = [
            msgspec.convert({**row, **{at: row[at].astimezone(query.zone) for at in ("start", "end")}}, AppointmentRow)
            for row in found
        ]
        return AppointmentPage(rows, next_cursor(rows[-1].start, rows[-1].id) if len(rows) == limit else None)

    async def slots(self, query: Query) -> SlotList:
        branch, service = query.text("branch") or "", query.text("service") or ""
        try:
            slots = await self._booking().list_free_slots(branch, service, query.day("date"))
        except UnknownName as error:
            raise Problem(404, "Not Found", str(error)) from None
        return SlotList(
            [FreeSlot(slot.start.astimezone(query.zone), slot.end.astimezone(query.zone), slot.staff) for slot in slots]
        )
