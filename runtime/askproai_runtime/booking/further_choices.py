"""What a caller chooses who is asked whether an appointment is a further one, or comes instead of a booked one. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from askproai_runtime.booking.answer_words import (
    CANCELLATION_WORD,
    CONDITION,
    MOVE,
    REQUEST,
    SPEAKS_OF_IT,
    WAIT,
    is_question,
    says_nothing,
    says_only,
    words_of,
)
from askproai_runtime.booking.name_choices import INTERJECTION, MORE, NEGATED

_FURTHER: Final = (
    rf"(?:{MORE}|ein(?:en?|er)? zweite[rn]?|dazu|daneben|obendrauf|(?:auch|too|as well|on top)(?: noch| bitte| please)*$"
    r"|noch (?:dazu|einer)"
    r"|(?:ein(?:en)?|a) (?:neuen?r?|new) (?:termin|appointment|one)|ersteres|das erste"
    r"|the former|the first(?: one)?|a second(?: one)?|separately)"
)
_INSTEAD: Final = (
    rf"(?:(?:an)?statt(?:dessen)?|instead|rather than|ersetz\w*|replac\w*|(?:aus|um)?tausch\w*|swap|switch|{CANCELLATION_WORD}"
    r"|sag\w* (?:\w+ ){1,3}ab|letzteres|das zweite|the latter|the second one|weg damit|get rid of)"
)
_CHOICES: Final = (re.compile(rf"\b{_FURTHER}\b"), re.compile(rf"\b{_INSTEAD}\b"))
_SAID: Final = re.compile("|".join([NEGATED.pattern, *(each.pattern for each in _CHOICES), MOVE.pattern]))


def chooses_further(utterances: Sequence[str], about: str = "", *, or_none: bool = False) -> bool | None:
    """Return whether a further appointment is chosen; False for one instead of the booked one, None without either.

    The last words count that say anything. A question, a condition, a negation, and words that are neither of the choice
    nor of the question `about` it choose nothing. With `or_none` no appointment is the other choice: "kein weiterer".
    """
    said = next((each for each in reversed(utterances) if not says_nothing(each)), None)
    return None if said is None else _choose(said, about, or_none=or_none)


def _choose(utterance: str, about: str, *, or_none: bool) -> bool | None:
    said = words_of(INTERJECTION.sub("", utterance.casefold()))
    is_aside = (is_question(utterance) and not REQUEST.search(said)) or WAIT.search(said)
    if is_aside or CONDITION.search(said) or SPEAKS_OF_IT.search(said) or not says_only(said, _SAID, about):
        return None
    further, instead = _CHOICES
    adds = bool(further.search(said))
    replaces = bool(instead.search(said) or MOVE.search(further.sub(" ", said)))
    if NEGATED.search(said):  # "absagen nicht, beide": what the word negates is before it, or behind it
        return False if or_none and adds and not replaces else None
    return None if adds == replaces else adds
