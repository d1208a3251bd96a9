"""The offers of a call, read from its transcript; without a transcript, from the copy stored with the call and its hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, Connection
from askproai_runtime.availability.slots import Slot
from askproai_runtime.book.appointments import Appointment, NamedSlot, Status
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.holds import hold_slot
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.appointments import list_call_appointments
from askproai_runtime.book.store.offers import read_offers, replace_offers
from askproai_runtime.conversation.slot_sentences import in_spoken_order
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext, EarlierRequest, NamedTimes, Naming, Offers
from askproai_runtime.spoken_times import counts_time

log = structlog.get_logger(__name__)

_MOST_BEFORE = 30  # offers of earlier answers


def encode_offers(call: CallContext, request: ServiceRequest, slots: Sequence[Slot]) -> str:
    """Return the slots of an answer as JSON to store with the hold, together with up to 30 earlier offers of the call."""
    rules = request.rules
    named = tuple(
        tuple(
            NamedSlot(rules.branch.name, own.service.name, each.staff, each.start)
            for own, each in zip(rules.people, (slot, *slot.companions), strict=True)
        )
        for slot in in_spoken_order(rules, slots, request.staff)
    )
    return msgspec.json.encode(Offers(named, request.excluded, call.offered[-_MOST_BEFORE:], call.counted)).decode()


async def hold_offer(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, slot: Slot, offered: Sequence[Slot]
) -> bool:
    """Hold a slot like `hold_slot`. The hold also keeps the other slots of the answer (`offered`), so that each is booked with
    the staff member with whom it was offered.
    """
    return await hold_slot(ctx, call.actor, request.rules, slot, encode_offers(call, request, offered))


def note_counted_words(call: CallContext, args: Mapping[str, Any]) -> CallContext:
    """Return the call; without a transcript, with the search's words for a relative time, to be stored with its offers."""
    said = frozenset(filter(None, read_parts(args)))
    return replace(call, counted=said) if call.replies is None and any(map(counts_time, said)) else call


async def keep_alternatives(
    ctx: BookingContext, request: ServiceRequest, call: CallContext, slots: Sequence[Slot]
) -> None:
    """Store the slots that an answer offers without a hold, so that the next request of the call knows them."""
    async with ctx.pool.acquire() as conn:
        await replace_offers(conn, ctx.tenant, call.call_id, encode_offers(call, request, slots))


def add_kept_offers(call: CallContext, appointments: Iterable[Appointment]) -> CallContext:
    """Return the call with the offers stored by the hold among its `appointments`. If the transcript names no days, the offers'
    days count as the days named last; without a hold, the days of the call's live appointments do.
    """
    hold, own = None, list[datetime]()
    for each in appointments:
        if each.status == Status.HELD:
            hold = each
        elif each.live:
            own.append(each.starts_at.astimezone(UTC))
    if hold is not None and hold.offers is not None:
        return _add(call, hold.offers)
    if own and call.named_last is None:
        return replace(call, named_last=NamedTimes(Naming.CHANGED, tuple(own)))
    return call


async def read_lost_offers(
    conn: Connection, tenant: str, call: CallContext, appointments: Sequence[Appointment]
) -> CallContext:
    """Return the call with its last stored offers if it has neither a transcript nor `appointments`: its hold has expired, and
    another call holds the time. Return any other call unchanged.
    """
    if call.said is not None or call.offered or appointments:
        return call
    offers = await read_offers(conn, tenant, call.call_id)
    return call if offers is None else _add(call, offers)


async def read_kept_offers(ctx: BookingContext, call: CallContext) -> CallContext:
    """Return the call as `add_kept_offers` does, if its transcript names no days; unchanged if the database is unavailable."""
    if call.named_last is not None:
        return call
    try:
        async with ctx.pool.acquire() as conn:
            appointments = await list_call_appointments(conn, ctx.tenant, call.call_id)
    except DATABASE_UNAVAILABLE as error:
        consequence = "offers and bookings are known from the transcript alone"
        log.warning("offers.not_read", error=type(error).__name__, call_id=call.call_id, consequence=consequence)
        return call
    return add_kept_offers(call, appointments)


def _add(call: CallContext, kept: str) -> CallContext:
    """Return the call with the stored offers (`kept`) before its transcript's offers; without these, they are its last offers."""
    offers = msgspec.json.decode(kept, type=Offers)
    offered = (*offers.before, *offers.slots, *call.offered)
    if call.offered:
        return replace(call, offered=offered)
    starts = tuple(slots[0].start for slots in offers.slots)
    led = (EarlierRequest(offers.counted, offers.counted, frozenset(starts)),) if offers.counted else ()
    return replace(
        call,
        offered=offered,
        earlier=(*call.earlier, *led),
        offered_last=starts,
        named_last=call.named_last or (NamedTimes(Naming.OFFERED, starts) if starts else None),
        excluded_staff=frozenset(offers.excluded_staff),
    )
