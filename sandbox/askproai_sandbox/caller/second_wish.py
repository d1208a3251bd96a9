"""What is asked for in one breath with the yes to an offer: "Ja, Paul Bock. Außerdem noch eine Pediküre am Samstag." Pure."""

import re

from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.change import CORRECTS, TOOL_OF_CHANGE, wants_further
from askproai_sandbox.caller.sentence import read_sentence

_BOUNDARY = re.compile(r"[.!]\s+(?:und\s+)?|,?\s+und\s+|,\s+(?=außerdem\b|dann\b|noch\b)", re.IGNORECASE)
_ADDS_ONE = re.compile(
    r"\b(?:noch|außerdem|zusätzlich|auch|dazu|brauche|bräuchte|möchte|hätte|will|braucht)\b"
    r"|\b(?:kann|könnte) (?:mein|unser|ich)\w*\b",
    re.IGNORECASE,
)
_FOR_RELATIVE = re.compile(  # "mein Freund kommt mit und möchte eine Massage": who is to be booked
    r"^(?:und\s+)?(?:kann\s+)?(?P<who>(?:mein|unser)e?)\s+(?P<relative>[A-ZÄÖÜ]\w+)\b"
    r"(?:.*?\b(?:möchte|will|braucht|bräuchte|hätte)\b|(?=\s))\s*(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)


def split_off_second_wish(text: str, catalogue: Catalogue) -> tuple[str, str]:
    """Split a sentence before the further appointment, the move or the cancellation that it asks for; "" if it asks for none.

    The first part is to accept an offer, which is booked first; a correction ("und lieber am Montag") belongs to it.
    """
    for boundary in _BOUNDARY.finditer(text):
        head, tail = text[: boundary.start()], text[boundary.end() :]
        accepting, wish = read_sentence(head, catalogue), read_sentence(tail, catalogue)
        if accepting.services or accepting.is_question or accepting.intent in TOOL_OF_CHANGE:
            continue
        if wish.intent in TOOL_OF_CHANGE:
            return head, tail
        names_one = bool(wish.services or wish.unknown_service) and bool(_ADDS_ONE.search(tail))
        if CORRECTS.search(tail) or not (names_one or (wish.when and wants_further(wish, ""))):
            continue
        if relative := _FOR_RELATIVE.match(tail):
            return head, f"Noch für {relative['who']} {relative['relative']} {relative['what']}"
        return head, tail
    return text, ""
