"""What is said in one sentence with the yes to an offer or a cancellation: a message, a question, or what else is wanted. Pure.

The yes books or cancels first. What else is asked for is taken up afterwards, so that nothing that was accepted is lost to it.
"""

import re
from dataclasses import replace
from typing import NamedTuple

from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.change import CORRECTS, TOOL_OF_CHANGE, wants_further
from askproai_sandbox.caller.memory import CalledAgent, Memory, loose_name
from askproai_sandbox.caller.message import split_off_message, split_off_question
from askproai_sandbox.caller.name_answer import read_couple, take_name
from askproai_sandbox.caller.new_appointment import find_chosen_offer
from askproai_sandbox.caller.sentence import Sentence, read_sentence

_BOUNDARY = re.compile(
    r"[.!]\s+(?:und\s+)?|,?\s+und\s+|,\s+(?=außerdem\b|dann\b|noch\b)"
    r"|,\s+(?=(?:geht|ginge|kann|könnte|können|könnten|machen|macht)\b[^.!]*\?)",
    re.IGNORECASE,
)
_CHECKS_PERSON = re.compile(
    r"(?P<head>.+?)[.,!]\s+(?P<check>(?:und\s+)?ist das (?:(?:denn|dann|auch) )?(?:der|die|das) .+)",
    re.IGNORECASE | re.DOTALL,
)
_SAYS_YES = re.compile(r"\W*(?:ja|gerne?|genau|okay|ok|einverstanden|(?:das )?passt)\b", re.IGNORECASE)
_BEFORE_QUESTION = re.compile(
    r"[.!,]\s+(?:(?:und|aber)\s+)?(?=(?:was|wie|wo|wer|muss|soll|kann|darf|kostet|ist|gibt|brauche|haben)\b[^.!]*\?)",
    re.IGNORECASE,
)
_ADDS_ONE = re.compile(
    r"\b(?:noch|außerdem|zusätzlich|auch|dazu|brauche|bräuchte|möchte|hätte|will|braucht)\b"
    r"|\b(?:kann|könnte) (?:mein|unser|ich)\w*\b",
    re.IGNORECASE,
)
_NEW_INSTEAD = re.compile(  # "Ja, aber ich möchte gleich einen neuen, am Donnerstag um drei": after the cancellation
    r"^(?P<yes>\W*(?:ja|genau|richtig|bitte|gerne?)\b[^.?!]*?)[,.]?\s+(?:(?:aber|und|dann|dafür)\s+)*(?:ich|wir)?\s*"
    r"(?:möchten?|brauchen?|bräuchten?|hätten?|will|wollen|nehmen?)\b(?:\s+(?:ich|wir|dann|dafür|gleich|stattdessen|gerne?|noch))*"
    r"\s+(?:einen|nen)\s+(?:neuen|anderen)\b(?:\s+Termin\b)?\W*(?P<when>.*)",
    re.IGNORECASE | re.DOTALL,
)
_FOR_RELATIVE = re.compile(  # "mein Freund kommt mit und möchte eine Massage": who is to be booked
    r"^(?:und\s+)?(?:kann\s+)?(?P<who>(?:mein|unser)e?)\s+(?P<relative>[A-ZÄÖÜ]\w+)\b"
    r"(?:.*?\b(?:möchte|will|braucht|bräuchte|hätte)\b|(?=\s))\s*(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)


class Split(NamedTuple):
    """A sentence before what is said with its yes, the memory of what to take up after the booking, and the question behind it."""

    text: str
    memory: Memory
    question: str = ""


def split_beside_yes(agent: CalledAgent, memory: Memory, text: str) -> Split:
    """Split a sentence that accepts an offer or a cancellation; a sentence that accepts neither stays as it is."""
    if memory.change.to_confirm and (both := _NEW_INSTEAD.match(text)):
        return Split(both["yes"], replace(memory, to_pass_on=f"Ich brauche einen Termin {both['when']}"))
    head, check = _split_off_check(agent, memory, text)
    if check:
        return Split(head, memory, check)
    accepting, further = split_off_message(text)
    if not further and (memory.offers or memory.accepted_offer or memory.change.to_confirm):
        accepting, further = _split_off_further(text, agent.catalogue, memory.details.get("service", ""))
    if further and _may_accept(agent, memory, read_sentence(accepting, agent.catalogue)):
        text, memory = accepting, replace(memory, to_pass_on=further)
    text, question = _split_off_question(agent, memory, text)
    return Split(text, memory, question)


def _split_off_check(agent: CalledAgent, memory: Memory, text: str) -> tuple[str, str]:
    """Split a choice before the question who that is: "Um zehn ist gut. Ist das die Nina, die auch Massagen macht"."""
    found = _CHECKS_PERSON.fullmatch(text) if memory.offers else None
    is_choice = found and _may_accept(agent, memory, read_sentence(found["head"], agent.catalogue))
    return (found["head"], found["check"]) if found and is_choice else (text, "")


def _split_off_further(text: str, catalogue: Catalogue, service: str) -> tuple[str, str]:
    """Split a sentence before the further appointment, the move or the cancellation that it asks for; "" if it asks for none.

    The first part is to accept an offer of `service`, which is booked first; a correction ("und lieber am Montag") belongs to it.
    """
    for boundary in _BOUNDARY.finditer(text):
        head, tail = text[: boundary.start()], text[boundary.end() :]
        accepting, further = read_sentence(head, catalogue), read_sentence(tail, catalogue)
        if accepting.services or accepting.is_question or accepting.intent in TOOL_OF_CHANGE:
            continue
        if further.intent in TOOL_OF_CHANGE:
            return head, tail
        is_other = bool(further.services) and service not in {"", further.service}
        adds_one = is_other or bool(_ADDS_ONE.search(tail))
        names_one = bool(further.services or further.unknown_service) and adds_one
        if CORRECTS.search(tail) or not (names_one or (further.when and wants_further(further, ""))):
            continue
        if relative := _FOR_RELATIVE.match(tail):
            return head, f"Noch für {relative['who']} {relative['relative']} {relative['what']}"
        return head, f"Außerdem: {tail}" if is_other and further.is_question else tail
    return text, ""


def keep_chosen(agent: CalledAgent, memory: Memory, text: str) -> Memory:
    """Return the memory with the offer that is chosen before a question, which is answered first."""
    if len(memory.offers) < 2 or memory.change.tool is not None or "?" not in text:
        return memory
    for boundary in reversed(list(_BEFORE_QUESTION.finditer(text))):
        sentence = read_sentence(text[: boundary.start()], agent.catalogue)
        chosen = None if sentence.no or sentence.is_question else find_chosen_offer(agent, memory, sentence)
        if chosen is not None:
            return replace(memory, offers=(chosen,))
    return memory


def _may_accept(agent: CalledAgent, memory: Memory, sentence: Sentence) -> bool:
    """Return whether a sentence accepts an offer or a cancellation, or is the name for the accepted offer."""
    if memory.accepted_offer is not None:
        return True
    if memory.change.to_confirm:
        return sentence.yes and not (sentence.no or sentence.is_question)
    is_free = bool(memory.offers) and memory.change.tool is None and not sentence.is_question
    return is_free and ((sentence.yes and not sentence.no) or find_chosen_offer(agent, memory, sentence) is not None)


def _split_off_question(agent: CalledAgent, memory: Memory, text: str) -> tuple[str, str]:
    """Split a sentence that accepts an offer and says the caller's name, or accepts a cancellation, before the question that
    follows; "" if none does.
    """
    accepting, question = split_off_question(text)
    sentence = take_name_of_turn(agent, memory, read_sentence(accepting, agent.catalogue))
    name = sentence.name or loose_name(agent, memory, sentence, asked=memory.accepted_offer is not None)
    is_whole = name or memory.change.to_confirm or _SAYS_YES.match(accepting)  # not "Um drei wäre gut, was kostet das?"
    return (accepting, question) if is_whole and _may_accept(agent, memory, sentence) else (text, "")


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
    named = take_name(sentence, agent.catalogue, asked=is_asked) if is_asked or may_accept else sentence
    if is_asked and named.name is None and not memory.companions and (names := read_couple(sentence.text)):
        return replace(sentence, name=names, when={}, services=(), unknown_service=None)
    return named
