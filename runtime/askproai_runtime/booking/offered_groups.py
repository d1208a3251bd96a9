"""What a group was offered, so that just that is booked: by the answers of this call, else by the claims of its hold."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import TypeVar

from askproai_core.database import Connection
from askproai_runtime.booking.companions import Group, say_names_missing
from askproai_runtime.booking.request import BookingRequest
from askproai_runtime.booking.slots import Claims, ServiceRules, Slot
from askproai_runtime.booking.store.claims import list_offered_claims
from askproai_runtime.booking.types import BookingContext, CallContext, ClarificationNeeded, NamedSlot
from askproai_runtime.sentences import say
from askproai_runtime.visits import same_services

T = TypeVar("T")


def find_named(call: CallContext, rules: ServiceRules, start: datetime) -> Sequence[NamedSlot]:
    """Return the slots of all who come, the caller's first, that an answer of this call has named last from `start` on; empty if
    none has.
    """
    named = call.offered.get((rules.branch.name, start), ())
    return named if named and same_services(named[0].service, rules.service.name) else ()


async def read_offered(conn: Connection, ctx: BookingContext, call: CallContext, request: BookingRequest) -> list[Slot]:
    """Return what the people of a group were offered from the requested start on; empty if that is not known.

    Only the first one of several offers is held, and a hold ends; an answer is in the transcript, unless Retell has cut it.
    """
    if not request.companions:
        return []
    people = request.rules.people
    if slots := _from_names(people, find_named(call, request.rules, request.start)):
        return slots
    held = slots_of_claims(people, await list_offered_claims(conn, ctx.tenant, call.call_id))
    return held if held and held[0].start == request.start else []


async def require_as_held(
    ctx: BookingContext,
    call: CallContext,
    request: BookingRequest,
    group: Group,
    said: Sequence[Mapping[str, str]] | None,
) -> None:
    """Raise `ClarificationNeeded` if the call holds this time for others, too, of whom nothing is `said`, or not which service they
    have. Only where no answer of this call is known that has named this time: Retell has cut it.
    """
    if request.offered_staff is None or find_named(call, request.rules, request.start):
        return
    async with ctx.pool.acquire() as conn:
        held = await list_offered_claims(conn, ctx.tenant, call.call_id)
    if len(held) > 1 and said is None:
        raise ClarificationNeeded(say_names_missing(len(held) - 1))
    people = group.service.rules.people
    is_certain = len(held) != len(people) or slots_of_claims(people, held)
    if len(held) > 1 and not is_certain and any("service" not in each for each in said or ()):
        raise ClarificationNeeded(say().services_of_companions)


def _from_names(people: Sequence[ServiceRules], named: Sequence[NamedSlot]) -> list[Slot]:
    """Return the slots of these people; none if one is of another service, or of who does it no longer."""
    for slots in _list_orders(people, named):
        fits = [
            same_services(rules.service.name, slot.service) and bool(rules.able(slot.staff))
            for rules, slot in zip(people, slots, strict=True)
        ]
        if all(fits):
            return [
                Slot(
                    slot.start,
                    slot.start + timedelta(minutes=rules.service_by(slot.staff).duration_minutes),
                    slot.staff,
                )
                for rules, slot in zip(people, slots, strict=True)
            ]
    return []


def _list_orders(people: Sequence[ServiceRules], offered: Sequence[T]) -> Iterator[tuple[T, ...]]:
    """Yield what was offered in each order of those who come along, as offered first: a model may name them in another one."""
    if len(offered) == len(people):
        for others in permutations(offered[1:]):
            yield offered[0], *others


def slots_of_claims(people: Sequence[ServiceRules], offered: Sequence[Claims]) -> list[Slot]:
    """Return the slots that claims are of; none if they are not those of these people: of another length, or of who does it no
    longer.
    """
    for each in _list_orders(people, offered):
        slots = [_to_slot(rules, claims) for rules, claims in zip(people, each, strict=True)]
        if None not in slots:
            return [slot for slot in slots if slot]
    return []


def _to_slot(rules: ServiceRules, claims: Claims) -> Slot | None:
    resources = {resource_id for resource_id, _ in claims}
    staff = next((each.id for each in rules.staff_members if resources <= set(each.resource_ids)), None)
    if staff is None:
        return None
    service = rules.service_by(staff)
    first, end = min(span.start for _, span in claims), max(span.end for _, span in claims)
    start = first + timedelta(minutes=service.buffer_before_minutes)
    is_same = rules.blocked_span(start, staff).end == end
    return Slot(start, start + timedelta(minutes=service.duration_minutes), staff) if is_same else None
