"""When a booking asks for the full name, and what a first name alone completes then.

A surname alone is booked, since a caller is not interrogated, and asked about once. Without an answer the
appointment stays as it is.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from askproai_runtime.booking.name_words import PARTICLES
from askproai_runtime.booking.phrases import drop_titles, fold, list_name_words, same_name
from askproai_runtime.booking.replies import name_key
from askproai_runtime.booking.request import BookingRequest
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.types import CallContext

_DENIES = re.compile(r"\b(?:nein|nee|nicht|falsch|sondern|no|not|wrong)\b", re.IGNORECASE)
_NEARLY_ONE_WORD = 0.8  # of the letters; "Petra" and "Peters" have 0.73


def is_part_of_name(name: str) -> bool:
    """Return whether a name has one word apart from titles, initials and particles: `Frau Hollmann`."""
    return len([word for word in list_name_words(name) if not (word.islower() and fold(word) in PARTICLES)]) == 1


def asks_full_name(request: BookingRequest, appointments: Iterable[Appointment], known: Iterable[str]) -> bool:
    """Return whether a booking asks for the full name: once in a call, and not of a caller whose full name is `known`."""
    if request.companions or not is_part_of_name(request.name):
        return False
    is_asked = any(each.live and is_part_of_name(each.customer_name) for each in appointments)
    return not is_asked and not any(not is_part_of_name(name) and same_name(name, request.name) for name in known)


def complete_name(call: CallContext, appointments: Sequence[Appointment], said: str) -> str:
    """Return the name of a request for these appointments: after the question, `Petra` completes `Frau Hollmann`.

    A word that is nearly the surname corrects it: `Schmitz` of `Schmidt`, and so does any word after a no.
    """
    asked = [each for each in appointments if name_key(str(each.id)) in (call.replies or {})]
    if len(asked) != 1 or not is_part_of_name(said) or not is_part_of_name(asked[0].customer_name):
        return said
    known = asked[0].customer_name
    if same_name(known, said) or drop_titles(said) != fold(said):  # "Herr Lange" is no first name of "Frau Lange"
        return said
    if _is_respelled(drop_titles(known), fold(said)) or _DENIES.search(call.said_since or ""):
        return said
    words = known.split()
    at = len(words) - 1 - sum(fold(word) in PARTICLES for word in words[:-1])
    return " ".join([*words[:at], said, *words[at:]])


def _is_respelled(known: str, said: str) -> bool:
    """Return whether a surname is one that was misheard. One that only goes on is of a first name: `Pauls`."""
    return not known.startswith(said) and SequenceMatcher(None, known, said).ratio() >= _NEARLY_ONE_WORD
