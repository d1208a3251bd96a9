"""Decide whether a call has said the name of an appointment's customer, or mentioned another person of the family. Pure."""

import re
from typing import Final

from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.name_words import RELATIVES
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD, not_behind

_RELATIVE: Final = rf"(?:{'|'.join(sorted(RELATIVES))})"
_WORDS: Final = UNDERSTOOD.known_people
_APPOINTMENT: Final = UNDERSTOOD.answers.appointment
_OF_RELATIVE: Final = re.compile(
    rf"\b(?:{_APPOINTMENT})\w* (?:{_WORDS.of_relative}) (?:\w+ )?{_RELATIVE}(?:e?s)?\b"
    rf"|\b(?:{_WORDS.before_owner}) (?:\w+ )?{_RELATIVE}['’]s (?:\w+ )?(?:{_APPOINTMENT})\b",
    re.IGNORECASE,
)
_NOT_OF: Final = not_behind(_WORDS.names_another)


def leaves_customer_unsaid(call: CallContext, customer: str, named: str, *, is_of_call: bool) -> bool:
    """Return True if neither the call nor the request (`named`) names the customer of an earlier call's appointment or of a
    waiting-list entry. "Die Frau von Otto Lange" and "für Otto Lange" do not mean that he is calling.

    Without a transcript it is unknown, and the result is False.
    """
    if call.said is None or is_of_call:
        return False
    words = fold(customer).split()
    if any({*words} <= {*fold(name).split()} for name in (call.named, named)):
        return False
    said = fold(_drop_relatives(call.said, customer))
    return not re.search(rf"{_NOT_OF}\b{re.escape(' '.join(words))}\b", said)


def names_relative(said: str, customer: str) -> bool:
    """Return whether the words mention a customer's relative and not the customer: "die Tochter von Otto Lange", "der Termin
    meiner Tochter".
    """
    rest = _drop_relatives(said, customer)
    first = re.escape(fold(customer).partition(" ")[0])
    is_named = re.search(rf"{_NOT_OF}\b{first}\b", fold(rest)) is not None  # our own question has said "für Otto Lange"
    return not is_named and (rest != said or bool(_OF_RELATIVE.search(said)))


def _drop_relatives(said: str, customer: str) -> str:
    """Return the words without mentions of a relative by the customer's name: "die Tochter von Otto Lange"."""
    names = "|".join(re.escape(each) for each in (customer, customer.partition(" ")[0], customer.rpartition(" ")[2]))
    beside = rf"\b{_RELATIVE} (?:{_WORDS.of_whom}) (?:(?:{_WORDS.titles}) )?"
    return re.sub(rf"{beside}(?:{names})\b", "", said, flags=re.IGNORECASE)
