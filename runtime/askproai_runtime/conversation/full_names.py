"""When a booking asks for the full name, and how a first name or surname completes the stored name.

A booking under a surname alone is made, since a caller is not interrogated, and asks once for the rest. Without an answer the
name stays. If the calendar cannot rename a booking, the question comes once before it, and the next request books in any case.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.bookables import linked_event_types
from askproai_runtime.book.context import BookingContext
from askproai_runtime.conversation.spoken_booking import SpokenBooking
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.language.customer_names import drop_salutation
from askproai_runtime.language.name_words import FIRST_NAMES, PARTICLES
from askproai_runtime.language.phrases import join_list
from askproai_runtime.language.replies import name_key
from askproai_runtime.person_names import drop_titles, fold, list_name_words, same_name
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD

ASKED_NAME: Final = "full name "  # of `unclear`, before the name
_DENIES = re.compile(rf"\b(?:{UNDERSTOOD.known_people.denies})\b", re.IGNORECASE)
_NEARLY_ONE_WORD = 0.8  # of the letters; "Petra" and "Peters" have 0.73


def is_part_of_name(name: str) -> bool:
    """Return True if a name has only a first name or surname, besides titles, initials and particles: `Frau Hollmann`."""
    return len([word for word in list_name_words(name) if not (word.islower() and fold(word) in PARTICLES)]) == 1


def list_short_names(
    call: CallContext, request: SpokenBooking, appointments: Sequence[Appointment], known: Iterable[str]
) -> tuple[str, ...]:
    """Return the incomplete names whose missing part the booking asks for, once in a call. A full form in `known` suffices."""
    is_asked = any(each.live and is_part_of_name(each.customer_name) for each in appointments)
    if is_asked or read_asked_name(call):
        return ()
    whole = [name for name in known if not is_part_of_name(name)]
    names = (request.name, *request.companions)
    return tuple(each for each in names if is_part_of_name(each) and not any(same_name(name, each) for name in whole))


def ask_full_names(request: SpokenBooking) -> str:
    """Return the question for the missing parts of the names in a booking."""
    if not request.companions:
        return say().which_full_name
    return say().which_full_names.format(names=join_list(list(request.short_names), say().and_word))


def require_full_name(
    ctx: BookingContext, call: CallContext, request: SpokenBooking, changed: Appointment | None
) -> None:
    """Raise `ClarificationNeeded` with the question for the full name of a new booking, if the calendar cannot change it later.
    Do not ask if an appointment is `changed`, or in a call without a transcript, which would hear the question again.
    """
    staff, linked = request.service.staff or request.offered_staff, linked_event_types(ctx, request.rules.service)
    is_linked = staff in linked if staff else bool(linked)
    if changed is None and is_linked and request.short_names and call.said is not None:
        marker, name = f"{ASKED_NAME}{request.name}", request.name
        raise ClarificationNeeded(ask_full_names(request).strip(), unclear=marker, needs_name=True, customer_name=name)


def read_asked_name(call: CallContext) -> str:
    """Return the incomplete name whose full form the call was asked for since its last booking; "" if it was not asked."""
    asked = (each.removeprefix(ASKED_NAME) for each in sorted(call.asked_unclear) if each.startswith(ASKED_NAME))
    return next(asked, "")


def complete_name(call: CallContext, appointments: Sequence[Appointment], said: str, asked: str = "") -> str:
    """Return the name of a request (`said`), completed or corrected by the name that the call was asked about. `Petra`
    completes `Frau Hollmann`, and `Lange` completes a first name; this also applies to the name `asked` about before a
    booking.

    A word that nearly equals the surname corrects it, `Schmitz` for `Schmidt`. So does any word after a no.
    """
    booked = [each.customer_name for each in appointments if name_key(str(each.id)) in (call.replies or {})]
    known = booked[0] if len(booked) == 1 else asked
    if len(booked) > 1 or not known or not is_part_of_name(said) or not is_part_of_name(known):
        return said
    part = list_name_words(known)[-1]
    if same_name(part, said) or drop_titles(said) != fold(said):  # "Herr Lange" is no first name of "Frau Lange"
        return said
    is_respelled = SequenceMatcher(None, fold(part), fold(said)).ratio() >= _NEARLY_ONE_WORD
    is_beginning = fold(part).startswith(fold(said))  # "Paul" for "Pauls"
    if (is_respelled and not is_beginning) or _DENIES.search(call.said_since or ""):
        return said
    words = [word for word in known.split() if len(fold(word)) > 1]  # the initial is that of the name said now
    is_first = known.split()[-1] not in words or (fold(part) in FIRST_NAMES and fold(said) not in FIRST_NAMES)
    at = len(words) if is_first else len(words) - 1 - sum(fold(word) in PARTICLES for word in words[:-1])
    return drop_salutation(" ".join([*words[:at], said, *words[at:]]))
