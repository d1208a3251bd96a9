"""Whether a call has said the name of an appointment's customer, or that of another person of the family. Pure."""

import re
from typing import Final

from askproai_runtime.booking.customer_names import is_plain_name
from askproai_runtime.booking.name_words import FAMILY, NO_NAME, OF_SENTENCES, RELATIVES
from askproai_runtime.booking.phrases import fold, is_other_person
from askproai_runtime.booking.types import CallContext

_NO_FIRST_NAMES: Final = (
    NO_NAME
    | OF_SENTENCES
    | {"abend", "appointment", "bitte", "danke", "hallo", "hello", "hi", "hier", "moin", "morgen", "morning", "servus"}
    | {"gott", "guten", "gute", "good", "gruess", "salon", "tag", "termin"}
)
_RELATIVE: Final = rf"(?:{'|'.join(sorted(RELATIVES))})"
_OF_RELATIVE: Final = re.compile(
    rf"\b(?:termin|appointment)\w* (?:(?:von|für|of|for) )?(?:mein\w*|unser\w*|my|our) (?:\w+ )?{_RELATIVE}(?:e?s)?\b"
    rf"|\b(?:my|our) (?:\w+ )?{_RELATIVE}['’]s (?:\w+ )?appointment\b",
    re.IGNORECASE,
)

_NOT_OF: Final = "".join(f"(?<!\\b{each} )" for each in ("von", "vom", "of", "fuer", "for", "mit", "with"))


def leaves_customer_unsaid(call: CallContext, customer: str, named: str, *, is_of_call: bool) -> bool:
    """Return whether nobody has said for whom an appointment of an earlier call is, or a place on the waiting list, and the request
    has not `named` that person. "Die Frau von Otto Lange" and an answer "für Otto Lange" do not say that he is calling.

    Without a transcript nobody knows what was said.
    """
    if call.said is None or is_of_call:
        return False
    words = fold(customer).split()
    if any({*words} <= {*fold(name).split()} for name in (call.named, named)):
        return False
    said = fold(_drop_relatives(call.said, customer))
    return not re.search(rf"{_NOT_OF}\b{re.escape(' '.join(words))}\b", said)


def names_namesake(said: str, customer: str) -> bool:
    """Return whether words have the surname of a customer behind another first name: "Petra Lange hier" where it is Otto Lange.

    "Frau Lange" and "Hallo Lange" may be anybody of the family.
    """
    surname = customer.rpartition(" ")[2]
    found = re.findall(rf"\b([A-ZÄÖÜ][\w'’-]+) (?={re.escape(surname)}\b)", said) if surname != customer else ()
    firsts = {each for each in found if fold(each) not in _NO_FIRST_NAMES and not FAMILY.search(each)}
    names = (f"{each} {surname}" for each in firsts)
    return any(is_plain_name(name) and is_other_person(name, customer) for name in names)


def names_relative(said: str, customer: str) -> bool:
    """Return whether words are of or about a relative of a customer whom they do not name besides: "die Tochter von Otto Lange",
    "der Termin meiner Tochter".
    """
    rest = _drop_relatives(said, customer)
    first = re.escape(fold(customer).partition(" ")[0])
    is_named = re.search(rf"{_NOT_OF}\b{first}\b", fold(rest)) is not None  # our own question has said "für Otto Lange"
    return not is_named and (rest != said or bool(_OF_RELATIVE.search(said)))


def _drop_relatives(said: str, customer: str) -> str:
    """Return words without those that name somebody by the customer: "die Tochter von Otto Lange"."""
    names = "|".join(re.escape(each) for each in (customer, customer.partition(" ")[0], customer.rpartition(" ")[2]))
    return re.sub(
        rf"\b{_RELATIVE} (?:von|vom|of) (?:herrn? |frau |mr\.? |mrs\.? )?(?:{names})\b", "", said, flags=re.IGNORECASE
    )
