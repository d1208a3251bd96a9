"""An appointment, and the answer to a change of an appointment, as the private API returns them."""

from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from askproai_runtime.admin_api.parameters import bad_request
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.context import BookingContext
from askproai_runtime.desk.appointments import CalendarState, calendar_state
from askproai_runtime.input_values import require_storable

log = structlog.get_logger(__name__)

PERSONAL: Final = frozenset({"customer_name", "external_id", "notes"})


class AppointmentEntry(msgspec.Struct, frozen=True):
    """One appointment. `start`, `end` and `cancelled_at` have the offset of the tenant's time zone.

    `call_id` is `desk:<request_id>` for bookings by the desk, and null for bookings made in the remote calendar. For a reader
    `customer_name`, `notes` and `external_id` are `…`: anybody with the id of a booking in the remote calendar can see and
    cancel the booking there.
    """

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
    cancelled_at: datetime | None
    notes: str | None


class Change(msgspec.Struct, frozen=True):
    """A changed appointment. `message` is the German sentence for a caller; `calendar` says if Cal.com has the change."""

    message: str
    calendar: CalendarState
    appointment: AppointmentEntry
    zone: str


def to_entry(appointment: Appointment, request: ApiRequest) -> AppointmentEntry:
    """Return an appointment as an entry. If the sender lacks the right to names, personal fields are `…`."""
    return request.entry(
        AppointmentEntry, appointment, PERSONAL, start=appointment.starts_at, end=appointment.ends_at,
        call_id=appointment.call_id or None,
    )  # fmt: skip


async def answer_change(
    request: ApiRequest,
    booking: BookingContext,
    appointment: Appointment,
    message: str,
) -> Change:
    """Wake the worker, and return the changed appointment. Waits briefly until the remote calendar has a cancellation."""
    request.api.wake_worker()
    state = await calendar_state(booking, appointment, wait=appointment.status == Status.CANCELLED)
    log.info("appointment.changed_by_desk", appointment=str(appointment.id), status=appointment.status)
    return Change(message, state, to_entry(appointment, request), request.zone.key)


def require_start(start: datetime) -> datetime:
    """Return a start in UTC. Raises `Problem` 400 unless it is a whole minute with an offset, from 1970 to 2999."""
    try:
        require_storable(start)
    except ValueError:
        raise bad_request("start is in a year from 1970 to 2999") from None
    if start.tzinfo is None:
        raise bad_request("start is a time with an offset, such as 2026-11-27T14:30:00+01:00")
    if start.second or start.microsecond:
        raise bad_request("start is a whole minute, such as 2026-11-27T14:30:00+01:00")
    return start.astimezone(UTC)
