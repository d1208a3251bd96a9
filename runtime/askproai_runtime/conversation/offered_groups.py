"""The slots that a group was offered, so that exactly these are booked."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Final

from askproai_runtime.availability.slots import ServiceRules, Slot
from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.book.requests import BookingRequest
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.answer_words import NO, YES, is_question, words_of
from askproai_runtime.language.places_among import holds_place
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import same_services

_IN_SEQUENCE: Final = re.compile(rf"\b(?:{UNDERSTOOD.companions.in_sequence})")


def find_named(call: CallContext, rules: ServiceRules, start: datetime) -> Sequence[NamedSlot]:
    """Return the last offer of the service at `start`: one slot for each person, the caller's first; () if there is none."""
    return next(iter(call.list_offers(rules.branch.name, start, rules.service.name)), ())


def find_offered(call: CallContext, request: BookingRequest) -> list[Slot]:
    """Return the slots that a group was offered from the requested start on, one for each person; [] if it was offered none.

    An offer with the caller's requested staff member comes first: an answer can offer one start in several ways. After a
    refusal, a no or a question, an offer of one person after another counts only if the caller accepts it: the request may be
    for all at its start.

    Without an offer to the group, each person keeps the staff member of an offer for one person. The others get a slot without
    one.
    """
    if not request.companions:
        return []
    rules, start, named = request.rules, request.start, call.named_last
    utterance = (call.said_since or "") if named is None else "".join(named.said_since[-1:])
    said = words_of(utterance)
    was_refused = named is not None and named.refused is not None
    needs_yes = was_refused or NO.search(said) or is_question(utterance)
    is_accepted = not said or YES.search(said) or _IN_SEQUENCE.search(said) or holds_place(said)
    is_declined = needs_yes and not is_accepted
    offers = [
        _from_names(rules.people, each) for each in call.list_offers(rules.branch.name, start, rules.service.name)
    ]
    left = [slots for slots in offers if slots and not (is_declined and len({each.start for each in slots}) > 1)]
    if left:
        return next((slots for slots in left if slots[0].staff == request.service.staff), left[0])
    staff = [request.offered_staff, *(_find_alone(call, each, start) for each in rules.companions)]
    return [Slot(start, start, each or "") for each in staff] if any(staff) else []


def _find_alone(call: CallContext, rules: ServiceRules, start: datetime) -> str | None:
    """Return the staff id in the last offer at `start` of this service to one person alone; None without such an offer."""
    offers = call.list_offers(rules.branch.name, start, rules.service.name)
    return next((named[0].staff for named in offers if len(named) == 1), None)


def _from_names(people: Sequence[ServiceRules], named: Sequence[NamedSlot]) -> list[Slot]:
    """Return the offered slots in an order that fits these people's services and able staff members; [] if no order fits."""
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
    """Yield the offered slots in each order of the companions, the offered order first: a model may reorder the companions."""
    if len(offered) == len(people):
        for others in permutations(offered[1:]):
            yield offered[0], *others
