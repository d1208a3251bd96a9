"""What is known of a move or a cancellation that a caller has asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.choice import Item
from askproai_sandbox.caller.intent import Intent
from askproai_sandbox.caller.sentence import Sentence
from askproai_sandbox.caller.words import NAME_WORD, SOMEBODY

CORRECTS = re.compile(  # what was said, or booked, before
    r"\b(?:ändern|doch|lieber|warten Sie|statt(?:dessen)?|meinte? ich|ich meinte?|vertan|versprochen|verhört|verguckt"
    r"|geirrt|falsch\w*|nein|nee|nicht|Moment|Quatsch)\b",
    re.IGNORECASE,
)
_FURTHER = re.compile(  # without "auch" in "Geht auch Freitag?", which is another time
    r"\bnoch (?:ein(?!mal\b)\w*(?! (?:bisschen|wenig|paar)\b)|(?:\w+ )?für)\b|\bund (?:auch |dann )?für\b"
    r"|\bnoch (?:den|die|das) (?:am|um)\b|\b(?:außerdem|zusätzlich|zweite[nrsm]?|weitere[nrsm]?)\b"
    r"|^(?!.*\b(?:geht|ginge|passt|klappt|kann|könnte\w*|können|wäre|wär|ist|haben)\b.*\bauch\b).*\bauch\b",
    re.IGNORECASE,
)
_OTHER = rf"(?:(?:mein|unser|ihr|sein)\w*|{SOMEBODY})"  # "für eine Freundin"
_FOR_OTHER = re.compile(rf"\bfür (?:{_OTHER}|die|den|das) (?!Termin|Tag|Woche|Uhrzeit)(?-i:[A-ZÄÖÜ])", re.IGNORECASE)
_FOR_PERSON = re.compile(  # "für meine Mutter Heike Vier", "für mich, Karin Berg"
    rf"\bfür (?:mich,?|{_OTHER} (?P<who>{NAME_WORD}),?)(?:\s+(?P<name>{NAME_WORD}(?:\s+{NAME_WORD})*))?"
)
_FOR_NEXT = re.compile(
    r"\b(?:noch|und)\b(?: (?:auch|dann|gleich|noch))*(?: ein\w*)?"
    rf" für (?:{_OTHER}|die|den|das) (?!Termin|Tag|Woche)(?-i:[A-ZÄÖÜ])",
    re.IGNORECASE,
)
ONE = re.compile(r"\b(?:ein|eine[nmrs]?|nen|ne)\b", re.IGNORECASE)
_MAY_WANT_FURTHER = {None, Intent.APPOINTMENT, Intent.GOODBYE, Intent.WAITLIST}
_DOES_NOT = re.compile(r"\b(?:doch|dann)\s+(?:(?:eben|halt|lieber|doch)\s+)?nicht\b", re.IGNORECASE)
_NO_ALONE = re.compile(r"\W*(?:nein|nee)\W*(?:danke)?\W*", re.IGNORECASE)
CANCELS = re.compile(
    r"\W*(?:(?:ja|bitte|gern|dann|lieber)\W+)*(?:absagen|stornieren|streichen)\W*(?:bitte\W*)?", re.IGNORECASE
)
TOOL_OF_CHANGE = {Intent.CANCEL: "cancel_appointment", Intent.MOVE: "reschedule_appointment"}


@dataclass(frozen=True, slots=True)
class Change:
    """A move or a cancellation that is under way."""

    tool: str | None = None
    appointments: tuple[Item, ...] = ()  # the caller's, to choose from
    args: Mapping[str, Any] = field(default_factory=dict)  # what names the appointment for the function
    to_confirm: Mapping[str, Any] = field(default_factory=dict)  # the appointment that the function asked about
    asked_about: str = ""  # the id of the appointment of "Meinen Sie …?"
    named: str = ""  # the words that name an appointment, until the appointments are known


def names_next_person(sentence: Sentence) -> bool:
    """Return whether a sentence asks for the same for somebody else: "Und für meinen Mann", "Noch einen für meine Schwester"."""
    return bool(_FOR_NEXT.search(sentence.wanted))


def find_person(sentence: Sentence, catalogue: Catalogue) -> str | None:
    """Return the name of somebody else for whom an appointment is, "" if it is not said; None for nobody else."""
    found = _FOR_PERSON.search(sentence.wanted)
    if found is None or (found["who"] and catalogue.find_services(found["who"])):
        return None
    name = found["name"] or ""
    if found["who"] is None:  # "für mich, Karin Berg"
        return name if " " in name else None
    return "" if catalogue.find_services(name) else name


def names_self(sentence: Sentence) -> bool:
    """Return whether a sentence says that the appointment is for the caller: "für mich, Karin Berg"."""
    found = _FOR_PERSON.search(sentence.wanted)
    return found is not None and found["who"] is None


def wants_further(sentence: Sentence, booked_service: str) -> bool:
    """Return whether a sentence after a booking asks for a further appointment: in words, for another service or another person.

    A correction of what is booked names another service, too; it asks for a further appointment only in words.
    """
    if sentence.intent not in _MAY_WANT_FURTHER:
        return False
    if sentence.intent is Intent.WAITLIST or sentence.wants_several or _FURTHER.search(sentence.wanted):
        return True
    if CORRECTS.search(sentence.text):
        return False
    names_one = bool(ONE.search(sentence.wanted))
    is_other = bool(sentence.services) and (sentence.service != booked_service or names_one)
    is_next = sentence.after_last or sentence.before_last
    return is_other or is_next or bool((names_one and sentence.unknown_service) or _FOR_OTHER.search(sentence.wanted))


def drops_change(sentence: Sentence, *, is_time_offered: bool) -> bool:
    """Return whether a sentence ends a move or a cancellation that is under way. "Nein" to offered times asks for others."""
    if sentence.yes or sentence.when or sentence.rejected:
        return False
    is_no_alone = bool(_NO_ALONE.fullmatch(sentence.text)) and not is_time_offered
    return is_no_alone or bool(_DOES_NOT.search(sentence.text))
