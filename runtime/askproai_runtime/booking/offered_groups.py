"""What a group was offered, so that just that is booked."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import permutations

from askproai_runtime.booking.request import BookingRequest
from askproai_runtime.booking.slots import ServiceRules, Slot
from askproai_runtime.booking.types import CallContext, NamedSlot
from askproai_runtime.visits import same_services


def find_named(call: CallContext, rules: ServiceRules, start: datetime) -> Sequence[NamedSlot]:
    """Return the slots of all who come, the caller's first, that an answer of this call has named last from `start` on; empty if
    none has.
    """
    named = call.offered.get((rules.branch.name, start), ())
    return named if named and same_services(named[0].service, rules.service.name) else ()


def find_offered(call: CallContext, request: BookingRequest) -> list[Slot]:
    """Return what the people of a group were offered from the requested start on; empty if that is not known."""
    if not request.companions:
        return []
    return _from_names(request.rules.people, find_named(call, request.rules, request.start))


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


def _list_orders(people: Sequence[ServiceRules], offered: Sequence[NamedSlot]) -> Iterator[tuple[NamedSlot, ...]]:
    """Yield what was offered in each order of those who come along, as offered first: a model may name them in another one."""
    if len(offered) == len(people):
        for others in permutations(offered[1:]):
            yield offered[0], *others
