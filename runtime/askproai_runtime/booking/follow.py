"""What a person does in the calendar is followed here: moved, cancelled, new, did not come.

A level again: an event only says that something happened to a booking. What it means is read from the booking as it stands
there now and from our row, so the order of events, and how often they come, does not matter (decision 16).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

import structlog

from askproai_core.database import Connection
from askproai_runtime.booking import changes, ledger, places, verdicts
from askproai_runtime.booking.ledger import Appointment, CancelledBy, Place, Status
from askproai_runtime.booking.places import Linked
from askproai_runtime.booking.sync import CalendarDisagrees, resync
from askproai_runtime.booking.types import Desk
from askproai_runtime.calendars import CalendarUnavailable, RemoteBooking
from askproai_runtime.jobs import DeadNow, RunAgain

log = structlog.get_logger(__name__)

_ASKED_FOR = timedelta(days=1)  # then a person must look why the calendar can not be asked


class Step(StrEnum):
    """What a booking's state there asks of our book."""

    NOTHING = "nothing new"
    TAKE_IN = "taken in"
    AGREE = "both books agree"
    MOVE = "moved"
    CANCEL = "cancelled"
    PRESENCE = "presence noted"
    SYNC = "left to calendar-sync, which brings our own wish there"


@dataclass(frozen=True, slots=True)
class Told:
    """An event of the calendar: which booking, and when we heard of it. `starts_at`: where the event says that it stands."""

    uid: str
    received_at: datetime
    correlation_id: str
    starts_at: datetime | None = None


def decide(made: Appointment | None, there: RemoteBooking, now: datetime) -> Step:
    """Compare a booking with our row of it, if there is one. Pure."""
    if made is None:
        return Step.TAKE_IN if there.live and there.ends_at > now else Step.NOTHING
    if (
        made.external_updated_at is not None
        and there.changed_at is not None
        and there.changed_at < made.external_updated_at
    ):
        return Step.NOTHING  # read before we wrote something newer
    waits = made.status == Status.PENDING_SYNC
    if not there.live:
        if waits and (made.was_starts_at is not None or made.external_id not in there.uids):
            return Step.SYNC
        return Step.CANCEL if made.live else Step.NOTHING
    if made.status in {Status.CANCELLED, Status.FAILED}:
        return Step.MOVE if made.cancelled_by == CancelledBy.CALENDAR else Step.SYNC
    if there.starts_at != made.starts_at:
        return Step.SYNC if waits and not made.requested else Step.MOVE
    if there.absent != (made.status == Status.NO_SHOW):
        return Step.PRESENCE
    return Step.AGREE if waits or made.external_id != there.uid else Step.NOTHING


async def follow_booking(desk: Desk, told: Told, end: Callable[[Connection, str], Awaitable[None]]) -> None:
    """Make our book follow one booking there. `end` ends the event's job, with a note, in the same transaction.

    Raises `CalendarDisagrees` where both books promise one time to two people, `RunAgain` while the calendar is away.
    """
    there, note = None, "stored only: this tenant's calendar is its own book"
    if desk.calendar.remote:
        echo = told.starts_at is not None and await places.stands(desk.pool, desk.tenant, told.uid, told.starts_at)
        there = None if echo else await _look(desk, told)
        note = "nothing new: our own doing" if echo else "stored only: the calendar does not know this booking any more"
    if there is None:
        async with desk.pool.acquire() as conn, conn.transaction():
            await end(conn, note)
        return
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            note = await _follow(conn, desk, told, there)
            await end(conn, note)
    except CalendarDisagrees as error:
        await _audit(desk, told, "calendar.disagrees", str(error))
        raise
    log.info("booking.followed", step=note, correlation_id=told.correlation_id)


async def _look(desk: Desk, told: Told) -> RemoteBooking | None:
    try:
        there = await desk.calendar.get_booking(told.uid, correlation_id=told.correlation_id)
        elsewhere = await places.named_elsewhere(desk.pool, desk.tenant, there) if there else None
        if there is None or elsewhere is None:
            return there
        # Whoever books on a public page may write any metadata: our id counts only where our own booking did not stay behind.
        ours = await desk.calendar.get_booking(elsewhere, correlation_id=told.correlation_id)
        stayed = ours is not None and ours.live and ours.uid != there.uid
        return replace(there, request_id=None) if stayed else there
    except CalendarUnavailable as error:
        if desk.clock.now() - told.received_at > _ASKED_FOR:
            raise DeadNow(f"the calendar could not be asked for a day, redrive it then: {error}") from error
        raise RunAgain(desk.clock.now() + (error.retry_after or desk.settings.sync_delay), str(error)) from error


async def _follow(conn: Connection, desk: Desk, told: Told, there: RemoteBooking) -> str:
    """Everything in one transaction, people locked first, as every writer of claims does."""
    linked = places.linked(desk.config(), there.event_type_id)
    first = await places.known(conn, desk.tenant, there)
    await ledger.clear_way(conn, desk.tenant, linked.person.resource_ids if linked else (), "", also_of=first)
    known = await places.known(conn, desk.tenant, there)  # again: who held the lock may have taken it in
    made = await ledger.appointment(conn, desk.tenant, known, lock=True) if known else None
    step = decide(made, there, desk.clock.now())
    match step, made:
        case Step.TAKE_IN, None:
            if linked is None:
                return f"stored only: no service has the event type {there.event_type_id}"
            made = await _take_in(conn, desk, told, there, linked)
        case Step.AGREE, Appointment():
            if made.status == Status.PENDING_SYNC:
                await verdicts.confirm(conn, desk.tenant, made, there.confirmed)
            else:
                await places.note_uid(conn, desk.tenant, made.id, there)
        case Step.MOVE, Appointment():
            await _move(conn, desk, made, there, linked)
        case Step.CANCEL, Appointment():
            await changes.cancel(conn, desk.tenant, made, CancelledBy.CALENDAR, None)
            await places.note_uid(conn, desk.tenant, made.id, there)
        case Step.PRESENCE, Appointment():
            await changes.mark_absent(conn, desk.tenant, made, there.changed_at, absent=there.absent)
        case Step.SYNC, Appointment():
            await resync(conn, desk.tenant, made)
    return f"{step}: appointment {made.id}" if made else step.value


async def _take_in(conn: Connection, desk: Desk, told: Told, there: RemoteBooking, linked: Linked) -> Appointment:
    """A booking that a person made there: it takes that person's time here, too."""
    place = await _place(conn, desk, there, linked, None)
    customer = await ledger.customer(conn, desk.tenant, there.phone, there.name, None) if there.phone else None
    made = Appointment(
        uuid4(), linked.branch.name, linked.service.name, place.staff, place.starts_at, place.ends_at,
        Status.PENDING_SYNC if there.pending else Status.CONFIRMED, "", told.correlation_id, customer_name=there.name,
        attendee_email=there.email, event_type_id=there.event_type_id, customer_id=customer,
    )  # fmt: skip
    await ledger.insert(conn, desk.tenant, made, place.claims, place.units)
    await places.note_uid(conn, desk.tenant, made.id, there)
    return made


async def _move(conn: Connection, desk: Desk, made: Appointment, there: RemoteBooking, linked: Linked | None) -> None:
    if linked is None:
        raise CalendarDisagrees(
            f"appointment {made.id} was moved in the calendar to event type {there.event_type_id}, which no service has:"
            " name it in a ServiceOffering, or move it back"
        )
    place = await _place(conn, desk, there, linked, made)
    await changes.move(conn, desk.tenant, made, place, ask_calendar=False)
    await places.note_move(conn, desk.tenant, made.id, there, linked)


async def _place(conn: Connection, desk: Desk, there: RemoteBooking, linked: Linked, made: Appointment | None) -> Place:
    """Give where it stands here. Raises `CalendarDisagrees`: somebody else is promised that time."""
    place, other = await places.find(conn, desk.tenant, there, linked, made.id if made else None)
    if place is not None:
        return place
    who = f"appointment {other} stands there in our book" if other else "our book has nobody of that name yet"
    raise CalendarDisagrees(
        f"booking {there.uid} of the calendar at {there.starts_at:%Y-%m-%d %H:%M} UTC with {linked.staff!r} can not be taken"
        f" in: {who}; move one of the two, then redrive the event"
    )


async def _audit(desk: Desk, told: Told, action: str, reason: str) -> None:
    await desk.pool.execute(
        """INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
           VALUES ($1, 'calcom', $2, jsonb_build_object('reason', $3::text), $4)""",
        desk.tenant, action, reason, told.correlation_id,
    )  # fmt: skip
