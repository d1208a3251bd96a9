"""What the demo's agent remarks on a sentence that it cannot follow in all. Pure."""

import re

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.change import TOOL_OF_CHANGE
from askproai_sandbox.caller.email_address import is_address_lost
from askproai_sandbox.caller.intent import Intent
from askproai_sandbox.caller.sentence import Sentence


def find_remark(sentence: Sentence) -> str | None:
    """Return the remark on what no function can do of a sentence; None if it can be followed."""
    if sentence.intent is Intent.MESSAGE:
        return None  # it is passed on as it is
    if sentence.wants_other:
        return phrases.NOT_UNDERSTOOD.format(sentence.text)
    if sentence.is_english:
        return phrases.ENGLISH
    if is_address_lost(sentence.text):
        return phrases.NO_ADDRESS.format(sentence.text)
    if sentence.is_shift:
        return phrases.NO_SPAN.format(sentence.text)
    if sentence.for_several and sentence.intent not in TOOL_OF_CHANGE:
        return phrases.ONE_APPOINTMENT
    if sentence.wants_several:
        return phrases.ONE_BY_ONE
    if sentence.intent is Intent.MOVE and sentence.staff and _names_new_person(sentence.text, sentence.staff):
        return phrases.SAME_PERSON.format(sentence.staff)
    return None


def _names_new_person(text: str, staff: str) -> bool:
    """Return whether a move is to somebody: "zu Frau Vogel", while "bei Frau Vogel" says which appointment is meant."""
    return bool(re.search(rf"\bzu[mr]?\s+(?:\w+\.?\s+){{0,2}}?{re.escape(staff.rsplit(maxsplit=1)[-1])}\b", text))
