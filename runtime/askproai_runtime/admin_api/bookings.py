"""Bookings by the desk, for a customer who has come in or has called the tenant's own telephone."""

from datetime import datetime, timedelta

import msgspec

from askproai_core.http_server import Problem
from askproai_core.tenant_config import NotificationChannel
from askproai_runtime.admin_api.appointment_entry import Change, answer_change, require_start
from askproai_runtime.admin_api.change_sentences import say_booked
from askproai_runtime.admin_api.desk import DeskBody, Reason, ShortText, problems
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import Param, Parameters
from askproai_runtime.admin_api.refused_change import refuse_booking
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.desk.appointments import find_by_id
from askproai_runtime.desk.booking import Customer, Place, book_for_desk, notified_channels, preview_booking
from askproai_runtime.desk.outcomes import NotDone


class NewAppointment(DeskBody, frozen=True, kw_only=True):
    """An appointment to book. `start` is a whole minute with an offset; in the local calendar it may be up to 30 minutes ago.

    `branch`, `service` and `staff` are names or display names, `service` also a spoken name. If absent: the only branch with
    the service, the branch's only service, or the free staff member with the fewest appointments that day. The `note` is not
    sent to the remote calendar. The customer is notified as after a call (Tenant `notifications`); with `email` the remote
    calendar may send a mail, too.
    """

    start: datetime
    name: ShortText
    branch: ShortText | None = None
    service: ShortText | None = None
    staff: ShortText | None = None
    phone: ShortText | None = None
    email: ShortText | None = None
    note: Reason | None = None


class BookingPreview(msgspec.Struct, frozen=True):
    """The planned booking, by the names of the manifests. `staff` is None if any staff member will do.

    `notified_by` are the channels that would notify the customer: `Email` needs an e-mail address, `Webhook` an e-mail address
    or a telephone number.
    """

    branch: str
    service: str
    staff: str | None
    start: datetime
    end: datetime
    zone: str
    notified_by: tuple[NotificationChannel, ...] = ()


async def preview(request: ApiRequest, place: Place, when: str | None) -> BookingPreview:
    """Return a planned booking without making it. `when` is the start in German words or ISO 8601; None means now."""
    with problems():
        service, start = preview_booking(booking := request.booking(), place, when)
    rules, local = service.rules, start.astimezone(request.zone)
    able = rules.able(service.staff)
    # A single possible staff member decides the length.
    meant = rules.service_by(able[0].id) if len(able) == 1 else rules.service
    end = (start + timedelta(minutes=meant.duration_minutes)).astimezone(request.zone)
    notified_by = notified_channels(booking, service)
    return BookingPreview(
        rules.branch.name, rules.service.name, service.staff, local, end, request.zone.key, notified_by
    )


async def book(request: ApiRequest, body: NewAppointment) -> Change:
    request.access.require(Right.ADMINISTER, "book an appointment")
    booking, start = request.booking(), require_start(body.start)
    place, customer = (
        Place(body.branch, body.service, body.staff),
        Customer(body.name, body.phone, body.email, body.note),
    )
    with problems():
        outcome = await book_for_desk(booking, body.desk, place, start, customer, request.correlation_id)
    if isinstance(outcome, NotDone):
        raise refuse_booking(outcome, request.zone)
    appointment_id = outcome.appointments[0].id
    found = await find_by_id(booking, appointment_id, appointment_id)
    if not found:
        raise Problem(503, "Busy", "Another request is changing it: send the same request again", {"Retry-After": "1"})
    return await answer_change(request, booking, found[0], say_booked(booking, outcome))


def _place(given: Parameters) -> Place:
    return Place(given.text("branch"), given.text("service"), given.text("staff"))


_PREVIEW = (
    Param("branch", "The branch; not needed where only one offers the service"),
    Param("service", "The service, or several as `a+b`; not needed where the branch offers one"),
    Param("staff", "With whom; anybody when absent"),
    Param("start", "German words, a local time or an instant; when absent, now, for who has just come in"),
)
ENDPOINTS = (
    Endpoint(
        "GET", "/booking-preview", "What a booking would be", BookingPreview,
        lambda request, given: preview(request, _place(given), given.text("start")), _PREVIEW,
    ),
    Endpoint(
        "POST", "/appointments", "Book an appointment", Change,
        lambda request, given: book(request, given.body(NewAppointment)), body=NewAppointment,
    ),
)  # fmt: skip
