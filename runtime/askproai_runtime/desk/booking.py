"""A booking by the desk, for a customer who has come in or rings the tenant's telephone. The steps are those of
`book_appointment`.

Callers' limits and our minimum notice do not apply; the remote calendar applies the notice of its event type. In the local
calendar the appointment may have begun a moment ago (`BookingSettings.begun`): a customer who walks in is served first and
entered then. The remote calendar books no appointment that has begun.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec

from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_core.tenant_config import NotificationChannel
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.opening_hours import grid_starts
from askproai_runtime.book.actor import Actor, DeskRequest
from askproai_runtime.book.bookables import linked_event_types
from askproai_runtime.book.booking import book
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.outcomes import Booked, Busy, InFlight, NotFree, PhoneNeeded
from askproai_runtime.book.outcomes import Refused as RefusedByCalendar
from askproai_runtime.book.requests import BookingRequest, ServiceRequest
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.desk.appointments import DeskBusy, bind, desk_busy, find_free, require_exact
from askproai_runtime.desk.outcomes import ChangeRefusal, NotDone
from askproai_runtime.input_values import is_email, plain_name
from askproai_runtime.language.names import NameMissing, find_rules, find_staff_id
from askproai_runtime.language.placeholders import is_placeholder
from askproai_runtime.notifications.recipients import announces_to_customers, customer_channels
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import present_language
from askproai_runtime.spoken_times import Refusal, Understanding, parse_instant, understand

_TAKEN = "{who} is booked, blocked, or offered to a caller at this moment"


class InvalidBooking(ValueError):
    """The desk's request cannot be booked as it is written; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Place:
    """The branch, service and staff member of a booking, as people write them. None means the only branch that offers the
    service, its only service, or any free staff member.
    """

    branch: str | None = None
    service: str | None = None
    staff: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer of a booking, as people write the details."""

    name: str
    phone: str | None = None
    email: str | None = None
    notes: str | None = None


def preview_booking(ctx: BookingContext, place: Place, start: str | None) -> tuple[ServiceRequest, datetime]:
    """Return the service that would be booked, and its start in UTC. Nothing is written, and the start may be taken.

    Without `start`, the customer has come in: the start is the latest one that has begun and can still be booked, else the next
    one. Raises `UnknownName`, `InvalidBooking` and `UnclearStart`.
    """
    service = _resolve(ctx, place)
    return service, _present_start(ctx, service) if start is None else _parse_start(ctx, service, start)


def notified_channels(ctx: BookingContext, service: ServiceRequest) -> tuple[NotificationChannel, ...]:
    """Return the channels that would notify the customer of a booking of `service`, if the customer's address is known.

    If no staff member is requested, and at least one is only in the local calendar, the local calendar's channels are returned.
    """
    settings, links = ctx.config().notifications, linked_event_types(ctx, service.rules.service)
    able = [service.staff] if service.staff else [staff_member.id for staff_member in service.rules.staff_members]
    remote = all(staff in links for staff in able)
    if settings is None or not announces_to_customers(settings, in_remote_calendar=remote):
        return ()
    return customer_channels(settings, "customer@example.org", None)


async def book_for_desk(
    ctx: BookingContext, desk: DeskRequest, place: Place, start: datetime, customer: Customer, correlation_id: str
) -> Booked | NotDone:
    """Book an appointment for a customer of the desk, or return the reason why it is not booked, and free times.

    A repeated request books nothing more, whatever happened to the appointment meanwhile. Raises `DeskBusy`, `RequestUsed`,
    `UnknownName` and `InvalidBooking`.
    """
    deadline = ctx.clock.monotonic() + ctx.settings.budget.total_seconds()
    actor = Actor.of_desk(desk, correlation_id)
    request = _to_request(_resolve(ctx, place), start, customer, actor, region_of(ctx.config(), place.branch))
    with desk_busy():
        async with ctx.pool.acquire() as conn:
            await bind(conn, ctx, desk, "book", **_content(request))
        outcome = await book(ctx, request, deadline)
        match outcome:
            case Booked(appointments):
                return outcome if appointments[0].live else NotDone(ChangeRefusal.GONE)
            case NotFree():
                return await _find_free(ctx, request)
            case RefusedByCalendar():
                return NotDone(ChangeRefusal.REFUSED)
            case PhoneNeeded():
                return NotDone(ChangeRefusal.PHONE_NEEDED)
            case InFlight() | Busy():
                raise DeskBusy
            case _:  # limits and questions are for callers
                raise TypeError(f"the desk is not asked: {outcome!r}")


async def _find_free(ctx: BookingContext, request: BookingRequest) -> NotDone:
    """Return why the requested time is not free, and the closest free times."""
    staff, service = request.service.staff, request.rules.service
    who = request.rules.display_name(staff) if staff else "whoever could do it"
    refused = await find_free(
        ctx, request.service, request.actor, request.start, taken=_TAKEN.format(who=who),
        linked=bool(linked_event_types(ctx, service)),
    )  # fmt: skip
    if refused.reason is not Obstacle.PAST:
        return refused
    minutes = -service.minimum_notice_minutes
    why = (
        f"it began more than {minutes} minutes ago"
        if minutes
        else "it has begun, and the remote calendar books nothing then"
    )
    return replace(refused, cause=why)


def _resolve(ctx: BookingContext, place: Place) -> ServiceRequest:
    """Return the service that `place` names. In the local calendar its notice is negative: a start may lie shortly before now."""
    try:
        rules = find_rules(ctx.config(), place.branch, place.service)
    except NameMissing as missing:
        raise InvalidBooking(str(missing)) from None
    if not rules.staff_members:
        raise InvalidBooking(
            f"Nobody in {rules.branch.name} does {rules.service.name}: see the Branch's staff and their skills"
        )
    staff = find_staff_id(rules, place.staff) if place.staff else None
    begun = timedelta() if linked_event_types(ctx, rules.service) else ctx.settings.begun
    service = msgspec.structs.replace(rules.service, minimum_notice_minutes=-(begun // timedelta(minutes=1)))
    return ServiceRequest(replace(rules, service=service), staff)


def _to_request(
    service: ServiceRequest, start: datetime, customer: Customer, actor: Actor, region: str
) -> BookingRequest:
    """Return the booking request. Raises `InvalidBooking` for a mistyped value (a call function ignores it)."""
    name = plain_name(customer.name)
    if not fold(name):
        raise InvalidBooking(f"{customer.name!r} is no name: write letters")
    if is_placeholder(customer.name):
        raise InvalidBooking(
            f"{customer.name!r} is a placeholder: write the name, or one like it with a title before it"
        )
    try:
        phone = to_e164(customer.phone, region) if customer.phone else None
    except InvalidNumber as error:
        raise InvalidBooking(str(error)) from None
    if customer.email and not is_email(customer.email):
        raise InvalidBooking(f"{customer.email!r} is no e-mail address: write it like petra@example.org")
    return BookingRequest(
        actor=actor,
        service=service,
        start=start.astimezone(UTC),
        name=name,
        phone=phone,
        email=customer.email or None,
        notes=customer.notes or None,
        another=False,
        offered_staff=None,
        language=present_language(),
    )


def _content(request: BookingRequest) -> dict[str, str | None]:
    """Return the fields to which the id of a booking request is bound. The customer is hashed, since the row must name nobody."""
    customer = msgspec.json.encode([request.name, request.phone, request.email, request.notes])
    return {
        "branch": request.rules.branch.name,
        "service": request.rules.service.name,
        "staff": request.service.staff,
        "start": request.start.isoformat(),
        "customer": hashlib.sha256(customer).hexdigest(),
    }


def _parse_start(ctx: BookingContext, service: ServiceRequest, text: str) -> datetime:
    """Return the one exact start, in UTC, that a text (German words or ISO 8601) names. Raises `UnclearStart`.

    An instant with an offset was shown before, and is used unchanged. A time in words may have begun a moment ago: at ten past
    ten, "10:00" can be today or tomorrow.
    """
    now, zone = ctx.clock.now(), service.rules.zone
    with suppress(ValueError):
        if (instant := parse_instant(text, zone)).tzinfo is not None:
            return instant.astimezone(UTC)
    understood = understand(text, at=now, zone=zone)
    earlier = understand(text, at=now - ctx.settings.begun, zone=zone)
    if understood.refused is Refusal.PAST:
        understood = earlier
    elif understood.candidates:
        understood = _add_begun(ctx, service, understood, earlier)
    return require_exact(text, keep_open_readings(understood, service))


def _add_begun(
    ctx: BookingContext, service: ServiceRequest, understood: Understanding, earlier: Understanding
) -> Understanding:
    """Return `understood` with the starts added that lie before now but can still be booked.

    `earlier` is the same text, understood as of the time before these starts began. A time that moves with the clock (`in 20
    Minuten`) is not added: it counts only from now.
    """
    now, starts = ctx.clock.now(), {candidate.start.astimezone(UTC) for candidate in understood.candidates}
    known = starts | {start - ctx.settings.begun for start in starts}
    first = now + timedelta(minutes=service.rules.service.minimum_notice_minutes)
    begun = [
        candidate
        for candidate in earlier.candidates
        if candidate.end is None and first <= candidate.start <= now and candidate.start.astimezone(UTC) not in known
    ]
    return Understanding.of((*begun, *understood.candidates)) if begun else understood


def _present_start(ctx: BookingContext, service: ServiceRequest) -> datetime:
    """Return the last start on the service's grid up to now if the notice still allows it, else the next allowed start. In UTC."""
    now, rules = ctx.clock.now(), service.rules
    today = now.astimezone(rules.zone).date()
    days = (today - timedelta(days=1), today, today + timedelta(days=1))
    starts = [start for day in days for start in grid_starts(day, rules.service.slot_step_minutes, rules.zone)]
    first = (now + timedelta(minutes=rules.service.minimum_notice_minutes)).timestamp()
    begun = [start for start in starts if first <= start <= now.timestamp()]
    return datetime.fromtimestamp(begun[-1] if begun else next(s for s in starts if s >= first), UTC)
