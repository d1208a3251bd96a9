"""What is said in one sentence with the yes to an offer: a message, a question, or what else is wanted. Pure.

The yes books first. A message and a further request are taken up afterwards, so that nothing that was accepted is lost to them.
"""

import re
from dataclasses import replace
from typing import NamedTuple

from askproai_sandbox.caller.change import CORRECTS, TOOL_OF_CHANGE, wants_further
from askproai_sandbox.caller.memory import CalledAgent, Memory, loose_name
from askproai_sandbox.caller.message import split_off_message, split_off_question
from askproai_sandbox.caller.name_answer import take_name
from askproai_sandbox.caller.new_appointment import find_chosen_offer
from askproai_sandbox.caller.sentence import Sentence, read_sentence

_BOUNDARY = re.compile(r"[.!]\s+(?:und\s+)?|,?\s+und\s+|,\s+(?=(?:außerdem|dann|dazu)\b)", re.IGNORECASE)
_FURTHER = re.compile(  # "und dann noch die Beine am Mittwoch", "und mein Freund möchte eine Gesichtsbehandlung"
    r"\b(?:noch|außerdem|auch|zusätzlich|dazu|danach|hinterher|anschließend|zweite[nrsm]?|weitere[nrsm]?)\b"
    r"|\b(?:mein\w*|unser\w*) (?-i:[A-ZÄÖÜ])\w+ (?:\w+ )*(?:kommt|möchte|will|braucht|bräuchte|hätte)\b"
    r"|\bfür (?:mein|unser)\w* (?-i:[A-ZÄÖÜ])|\b(?:kann|könnte) (?:mein|unser)\w* (?-i:[A-ZÄÖÜ])|\b(?:brauche|bräuchte) ich\b",
    re.IGNORECASE,
)
_OF_RELATIVE = re.compile(
    r"^(?:und\s+)?(?:(?:kann|könnte)\s+)?(?P<who>(?:mein|unser)e?)\s+(?P<relative>[A-ZÄÖÜ]\w+)\b"
    r"(?:.*?\b(?:möchte|will|braucht|bräuchte|hätte)\b|(?=\s))\s*(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)
_INSTEAD = re.compile(r"\baber\b", re.IGNORECASE)


class Split(NamedTuple):
    """A sentence before what is said with its yes, the memory of what to take up after the booking, and the question behind it."""

    text: str
    memory: Memory
    question: str = ""


def split_beside_yes(agent: CalledAgent, memory: Memory, text: str) -> Split:
    """Split a sentence that accepts an offer; a sentence that accepts none stays as it is."""
    accepting, message = split_off_message(text)
    if message and _may_accept(agent, memory, read_sentence(accepting, agent.catalogue)):
        text, memory = accepting, replace(memory, to_pass_on=message)
    else:
        text, further = _split_off_further(agent, memory, text)
        memory = replace(memory, to_pass_on=further) if further else memory
    text, question = _split_off_question(agent, memory, text)
    return Split(text, memory, question)


def _split_off_further(agent: CalledAgent, memory: Memory, text: str) -> tuple[str, str]:
    """Split a sentence that accepts an offer before the further appointment or the change that it asks for, if any.

    "Ja, aber lieber Pediküre" corrects what is offered, and is no further request.
    """
    if memory.change.tool is not None or CORRECTS.search(text) or _INSTEAD.search(text):
        return text, ""
    known = set(memory.details.get("service", "").split(", "))
    for boundary in _BOUNDARY.finditer(text):
        head, tail = text[: boundary.start()], text[boundary.end() :]
        request = read_sentence(tail, agent.catalogue)
        is_other = bool(set(request.services) - known) and bool(_FURTHER.search(tail))
        accepts = read_sentence(head, agent.catalogue)
        is_other |= bool(request.when) and wants_further(request, "")  # "und noch einen Termin am Freitag"
        if (
            (is_other or request.intent in TOOL_OF_CHANGE)
            and not accepts.services
            and _may_accept(agent, memory, accepts)
        ):
            return head, _name_relative(tail)
    return text, ""


def _name_relative(request: str) -> str:
    """Return a request of somebody else as one for that person, who is asked for the name: "mein Freund kommt mit und möchte …"."""
    relative = _OF_RELATIVE.match(request)
    return f"Noch für {relative['who']} {relative['relative']} {relative['what']}" if relative else request


def _may_accept(agent: CalledAgent, memory: Memory, sentence: Sentence) -> bool:
    """Return whether a sentence accepts an offer, or is the name for the accepted one."""
    if memory.accepted_offer is not None:
        return True
    is_free = bool(memory.offers) and memory.change.tool is None and not sentence.is_question
    return is_free and ((sentence.yes and not sentence.no) or find_chosen_offer(agent, memory, sentence) is not None)


def _split_off_question(agent: CalledAgent, memory: Memory, text: str) -> tuple[str, str]:
    """Split a sentence that accepts an offer and says the caller's name before the question that follows; "" if none does."""
    accepting, question = split_off_question(text)
    sentence = take_name_of_turn(agent, memory, read_sentence(accepting, agent.catalogue))
    name = sentence.name or loose_name(agent, memory, sentence, asked=memory.accepted_offer is not None)
    return (accepting, question) if name and _may_accept(agent, memory, sentence) else (text, "")


def take_name_of_turn(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Sentence:
    """Return a sentence that only says the caller's name as such, where one was asked for, or an offer may be accepted."""
    is_asked = memory.is_name_asked
    is_open = memory.offers or (memory.question and memory.asked != "services")
    may_accept = (
        is_open
        and (memory.asked is None or memory.asked == "staff")
        and memory.change.tool is None
        and not memory.is_email_asked
    )
    return take_name(sentence, agent.catalogue, asked=is_asked) if is_asked or may_accept else sentence
