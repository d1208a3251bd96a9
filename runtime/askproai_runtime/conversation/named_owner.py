"""Find the customer whose appointment a request means, and decide whether the call has said the name. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.full_names import is_part_of_name
from askproai_runtime.conversation.named_people import read_name_alone
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.bare_names import is_of_stranger
from askproai_runtime.language.customer_names import speaks_of_another
from askproai_runtime.language.name_words import RELATIVES
from askproai_runtime.person_names import fold, is_other_person, same_name
from askproai_runtime.understood import UNDERSTOOD, not_behind

_PICKING = ("appointment_id", "appointment_date", "appointment_time")
_RELATIVE: Final = rf"(?:{'|'.join(sorted(RELATIVES))})"
_WORDS: Final = UNDERSTOOD.known_people
_APPOINTMENT: Final = UNDERSTOOD.answers.appointment
_OF_RELATIVE: Final = re.compile(
    rf"\b(?:{_APPOINTMENT})\w* (?:{_WORDS.of_relative}) (?:\w+ )?{_RELATIVE}(?:e?s)?\b"
    rf"|\b(?:{_WORDS.before_owner}) (?:\w+ )?{_RELATIVE}['’]s (?:\w+ )?(?:{_APPOINTMENT})\b",
    re.IGNORECASE,
)
_NOT_OF: Final = not_behind(_WORDS.names_another)


def name_owner(call: CallContext, args: Mapping[str, Any]) -> str:
    """Return the name of the customer whose appointment a request means; "" if nobody is named. A part of a name may mean a
    person named in the call.

    If the request has no name, it is the person whom the call named last, or the caller if the request says when the
    appointment is. A request with an appointment's id needs no name: the answer with this id has said whose appointment it is.
    """
    text = read_text(args, "customer_name")
    name = read_name_alone(text, call.said)
    if text is None:
        named = call.named_of_caller if any(read_text(args, each) for each in _PICKING[1:]) else call.named
        return "" if read_text(args, "appointment_id") else named
    return call.named if name and is_part_of_name(name) and same_name(name, call.named) else name


def names_other_owner(call: CallContext, args: Mapping[str, Any], customer: str, *, is_of_call: bool) -> bool:
    """Return True if a request names another customer than the `customer` of an appointment or waiting-list entry, also by
    "mein Mann".

    A person named in the call, but not in the request, counts only if another call made the appointment or entry (`is_of_call`
    is False): in this call, that person may have made it for `customer`.
    """
    text, name = read_text(args, "customer_name") or "", name_owner(call, args)
    if text and not name:
        return speaks_of_another(text, customer)
    if said := read_name_alone(text, call.said):
        return not same_name(said, customer) or is_other_person(name, customer)
    return not is_of_call and is_other_person(name, customer)


def needs_name(call: CallContext, args: Mapping[str, Any], customer: str, *, is_of_call: bool) -> bool:
    """Return whether a sentence about an appointment or waiting-list entry has to name its customer: the request names another
    customer, or nobody has named this one.
    """
    named = read_text(args, "customer_name") or ""
    is_unsaid = _leaves_customer_unsaid(call, customer, named, is_of_call=is_of_call)
    return is_unsaid or names_other_owner(call, args, customer, is_of_call=is_of_call)


def leaves_owner_open(
    config: TenantConfig,
    call: CallContext,
    args: Mapping[str, Any],
    appointment: Appointment,
    own: Sequence[Appointment],
) -> bool:
    """Return True if the request may mean an appointment of another customer of the number, and not the one that was found."""
    if read_text(args, "appointment_id") or appointment.call_id == call.call_id:
        return False
    name, customer = name_owner(call, args), appointment.customer_name
    is_first_name = fold(name) == fold(customer).partition(" ")[0]
    is_unsure = not name or (is_part_of_name(name) and not is_first_name)
    if is_unsure and is_of_stranger(call.utterances, customer, config):
        return True
    if len(own) > 1 or any(read_text(args, each) for each in _PICKING):
        return False
    if is_unsure and _names_relative(call.said or "", customer):
        return True
    known = {each for one in own for each in one.names_of_number}
    others = [each for each in known if is_other_person(each, customer)]
    return any(not name or same_name(name, each) for each in others)


def _leaves_customer_unsaid(call: CallContext, customer: str, named: str, *, is_of_call: bool) -> bool:
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


def _names_relative(said: str, customer: str) -> bool:
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
