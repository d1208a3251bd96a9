"""Read the remote booking that an event is about, as the calendar has it now, with the uids that it had before."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.remote import next_try
from askproai_runtime.book.store.calendar import find_conflicting_uid, find_event_type, find_local_appointment
from askproai_runtime.calendars import CalendarUnavailable, RemoteBooking
from askproai_runtime.jobs import DeadNow, RunAgain

_MAX_UIDS = 20  # that one look-up follows
_MAX_OUTAGE = timedelta(days=1)  # afterwards a person must find out why the calendar cannot be asked


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """An event of the calendar about the booking `uid`. `starts_at` is the booking's start in the event; None unless the event
    says that the booking is live. `event_type_id` identifies the account; None if the event does not name it. `remote` is
    the booking if a list of the calendar has just shown it, so that it need not be fetched. `is_new` is false for a booking
    from before its event type was followed here: nobody is notified of it.
    """

    uid: str
    received_at: datetime
    correlation_id: str
    starts_at: datetime | None = None
    event_type_id: int | None = None
    remote: RemoteBooking | None = None
    is_new: bool = True


async def read_remote(ctx: BookingContext, event: CalendarEvent) -> RemoteBooking | None:
    """Return the booking as the calendar has it now; None if the calendar does not know it.

    Anybody who books on a public page can write any metadata, our request id included. So the id is dropped if the booking that
    we made for it is still live under another uid. The event's booking is read again first: it may be ours, moved in the
    meantime. Raises `RunAgain` while the calendar is unavailable, and `DeadNow` after a day of that.
    """
    try:
        remote = event.remote or await _get_booking(ctx, event.uid, event.event_type_id, event.correlation_id)
        if remote is not None:
            remote = await _with_earlier_uids(ctx, event, remote)
        conflicting_uid = await find_conflicting_uid(ctx.pool, ctx.tenant, remote) if remote else None
        if remote is None or conflicting_uid is None:
            return remote
        original = await _get_booking(ctx, conflicting_uid, None, event.correlation_id)
        if original is None or not original.live or original.uid == remote.uid:
            return remote
        again = await _get_booking(ctx, remote.uid, event.event_type_id, event.correlation_id)
    except CalendarUnavailable as error:
        if ctx.clock.now() - event.received_at > _MAX_OUTAGE:
            raise DeadNow(f"the calendar could not be asked for a day, redrive it then: {error}") from error
        raise RunAgain(next_try(ctx, error.retry_after or ctx.settings.sync_delay), str(error)) from error
    return again if again is None or original.uid in again.uids else replace(remote, request_id=None)


async def _with_earlier_uids(ctx: BookingContext, event: CalendarEvent, remote: RemoteBooking) -> RemoteBooking:
    """Return the booking with its earlier uids, back to a uid that is known here.

    A person may move a booking several times before the events are handled, in any order: the uid that we know can lie several
    moves back, and without it the booking would count as a new one.
    """
    first = event.uid
    while remote.uids[-1] != first and len(remote.uids) < _MAX_UIDS:
        async with ctx.pool.acquire() as conn:
            if await find_local_appointment(conn, ctx.tenant, remote):
                break
        first = remote.uids[-1]
        earlier = await _get_booking(ctx, first, event.event_type_id, event.correlation_id)
        if earlier is not None and earlier.uids[-1] not in remote.uids:
            remote = replace(remote, uids=(*remote.uids, earlier.uids[-1]))
    return remote


async def _get_booking(
    ctx: BookingContext, uid: str, event_type_id: int | None, correlation_id: str
) -> RemoteBooking | None:
    """Return a booking from the account of its event type, None if that account does not know it. Without `event_type_id` our
    row names the event type.
    """
    if event_type_id is None:
        event_type_id = await find_event_type(ctx.pool, ctx.tenant, uid)
    return await ctx.calendar.get_booking(uid, event_type_id=event_type_id, correlation_id=correlation_id)
