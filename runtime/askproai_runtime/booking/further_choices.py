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
    says_only,
    words_of,
)
from askproai_runtime.booking.name_choices import INTERJECTION, MORE, NOT

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
_CHOICES: Final = tuple(
    (re.compile(rf"\b{words}\b"), re.compile(rf"{NOT} {words}\b")) for words in (_FURTHER, _INSTEAD)
)
_SAID: Final = re.compile("|".join([each.pattern for pair in _CHOICES for each in reversed(pair)] + [MOVE.pattern]))
_STILL_NEGATED: Final = re.compile(r"\b(?:kein\w*|nicht|nichts|nich|nie|not|never|nothing|don t|without|ohne)\b")


def chooses_further(utterances: Sequence[str], about: str = "", *, or_none: bool = False) -> bool | None:
    """Return whether a further appointment is chosen; False for one instead of the booked one, None without either.

    The last words count. A question, a condition, a negation of anything but one of both, and words that are neither of the choice
    nor of the question `about` it choose nothing. With `or_none` no appointment is the other choice: "kein weiterer".
    """
    for utterance in reversed(utterances):
        if (chosen := _choose(utterance, about, or_none=or_none)) is not None:
            return chosen
    return None


def _choose(utterance: str, about: str, *, or_none: bool) -> bool | None:
    said = words_of(INTERJECTION.sub("", utterance.casefold()))
    is_aside = (is_question(utterance) and not REQUEST.search(said)) or WAIT.search(said)
    if is_aside or CONDITION.search(said) or SPEAKS_OF_IT.search(said) or not says_only(said, _SAID, about):
        return None
    (further, not_further), (instead, not_instead) = _CHOICES
    rest = not_instead.sub(" ", not_further.sub(" ", said))
    if _STILL_NEGATED.search(rest):
        return None
    adds = bool(further.search(rest))
    replaces = bool(instead.search(rest) or MOVE.search(further.sub(" ", rest)))
    if adds == replaces:
        return False if or_none and not adds and not_further.search(said) else None
    return adds
