"""Read words that a caller says in place of a telephone number: they mean the calling number, or that any known number will do."""

import re
from enum import StrEnum
from typing import Final

from askproai_runtime.language.placeholders import leaves_open, names_nothing
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.calling_number

# Each of these phrases alone means the calling number: `the number he calls from`, `die angezeigte`.
_CALLING = _WORDS.of_call
# These mean it only beside a word for a number or its origin: `the number of the call`, `vom Anruf`. "Call me" does not.
_CALL = _WORDS.call
_NUMBER = _WORDS.number
_FROM = _WORDS.from_where
_FIELD = frozenset({"from", "number"})  # of Retell's call
_HERE = _WORDS.here
# These phrases do not say which number is meant: `the same number`, `ja`, `callback number`.
_MARK: Final = "samenumber"  # in place of a phrase
_SAME = _WORDS.same | {_MARK}
# "This number" is that of the call; "this one" and "this number is right" may be one that was read back.
_THIS = _WORDS.this
_AGREEING = _SAME | _THIS
_APPROVING = _WORDS.approving
_CALL_BACK = _WORDS.call_back
# "Meine Nummer" is the same, "meine Handynummer" may be another one.
_OWN = _WORDS.own
_MOBILE = _WORDS.mobile
_SEEING = _WORDS.seeing  # "the number you see", unlike "see you"
# "His line" and "the number she called you from" are another person's; by "the number she calls from" a model means the caller's.
_OTHERS = _WORDS.his
_OTHER = _WORDS.he
_KNOWN = _SEEING | _CALLING | _CALL | _NUMBER | _FROM | _HERE | _AGREEING | _CALL_BACK | _OWN | _MOBILE | _WORDS.beside
# "No other number" is the same one; "no, another number" is not.
_NO_OTHER = re.compile(rf"\b(?:{_WORDS.no_other})\b")

_BETWEEN = re.compile(r"[,;:()\[\]]|\s[-–—]\s")


class Pointer(StrEnum):
    """The meaning of words without a telephone number: the calling number, or any number that is known."""

    OF_CALL = "of_call"
    OPEN = "open"  # any number will do, or the one that is known


def read_pointer(said: str) -> Pointer | None:
    """Return what words without a number mean; None if they may mean another number, or refer to no number."""
    said = _NO_OTHER.sub(_MARK, said.casefold())
    folded = fold(" ".join(part for part in _BETWEEN.split(said) if not names_nothing(part)))  # "none (use caller ID)"
    words = frozenset(folded.split())
    if leaves_open(" ".join(word for word in folded.split() if word not in _NUMBER)):
        return Pointer.OPEN
    if not words <= _KNOWN:
        return None
    if _points_at_call(words):
        return Pointer.OF_CALL
    is_of_call_back = words & _CALL_BACK and (words & _NUMBER or words & _WORDS.number_to_call_back)
    is_own = words & _OWN and not words & _MOBILE
    return Pointer.OPEN if words & _AGREEING or is_of_call_back or is_own else None


def _points_at_call(words: frozenset[str]) -> bool:
    if words & _OTHERS or (words & _OTHER and words & _WORDS.agent):
        return False
    is_of_call = words & _CALL and words & (_NUMBER | _FROM) and not words & _CALL_BACK
    is_this = words & _THIS and words & (_NUMBER | _MOBILE) and not words & (_SAME | _APPROVING | _CALL_BACK | _HERE)
    is_seen = words & _SEEING and words & _NUMBER
    is_here = words & _HERE and not words & _MOBILE
    return bool(words == _FIELD or words & _CALLING or is_of_call or is_this or is_seen or is_here)
