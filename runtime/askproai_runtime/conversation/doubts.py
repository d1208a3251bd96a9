"""Signs in a caller's words that a booking may be meant in place of another appointment, so that the caller is asked.

The words only turn an action into a question, since any list of words misreads some sentences.
"""

import re
from typing import Final

from askproai_runtime.book.requests import Doubts
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.answer_words import FILLER, MOVE, YES_WORD, words_of
from askproai_runtime.language.declines import NUMBER

# A mere "auch" or "noch" is in many corrections, too: "Geht auch zwölf?", "Noch eine Sache: Färben soll es sein". A second may be
# a day: "am zweiten".
_ONE: Final = r"(?:(?:\w*termin|\w*buchung|appointment|booking|weitere[nrs]?|um|am|für|at|on|for)\b|$)"
_ADDS: Final = re.compile(
    rf"(?<!am )(?<!vom )\b(?:weitere|zweite)[nrs]? ?{_ONE}|\b(?:noch eine?[nmrs]?|another|second) ?{_ONE}"
    r"|\b(?:zusätzlich|beides?\b(?!.*\b(?:nicht|kaum)\b)|auch noch|noch dazu|dazu noch|ausserdem|additional|in addition|as well\b"
    r"|i also)"
)
_ALSO: Final = re.compile(r"\b(?:auch|noch|dazu|ausserdem|weitere\w*|zweite\w*|also|too|another|second|as well)\b")
# "Geht auch um vier?" asks for no further appointment.
_ALSO_AT: Final = re.compile(rf"\b(?:auch|also) (?:(?:um|gegen|ab|at) )?{NUMBER}\b")
_SEVERAL: Final = re.compile(
    rf"{_ALSO.pattern}|\b(?:zwei|beide[nrs]?|je|einmal|extra|zusätzlich\w*|two|both|each|once|extra)\b"
)
_AGREES: Final = re.compile(rf"(?:(?:{YES_WORD}|{FILLER})(?: |$))*+")
_CHANGE: Final = re.compile(r"\b(?:änder|wechsel|(?:ein|aus|um)?tausch|chang|swap|switch)")
# Without a word of a move: "Ich kann um zehn nicht, lieber um vier", "Können wir meinen auf vier legen?"
_ANOTHER_TIME: Final = re.compile(
    r"\b(?:kann|schaffe?|geht|passt)\b.{0,30}\bnicht\b.{0,20}\b(?:lieber|besser|dann)\b|\b(?:meinen|unseren)(?: termin)? auf\b"
    r"|\b(?:can.?t|cannot)\b.*\b(?:rather|better)\b"
)
_INSTEAD: Final = re.compile(
    r"\b(?:an)?statt\b|\banstelle\b|\ban (?:meiner|seiner|ihrer) stelle\b|\bfür mich (?:kommt|geht)\b"
    r"|\binstead of\b|\bin (?:my|his|her) place\b",
    re.IGNORECASE,
)
_TAKES_BACK: Final = re.compile(
    r"\b(?:nein|nee|nö|nicht|keine?[nmrs]?|sondern|doch|lieber|meinte|gemeint|falsch|stattdessen|versprochen|vertan|verhört"
    r"|geirrt|überlegt|umentschieden|soll es sein|no|nope|not|instead|rather|meant|wrong|sorry|should be|mistake)\b"
)


def read_doubts(call: CallContext) -> Doubts:
    """Return the doubts about a booking of this call. If the caller has only said yes since the last change, each booking
    counts as one more: two services may have been named at once. A yes to the agent's own question counts only if the
    question was about one more.
    """
    said, replaces_person = words_of(call.said_since_change or ""), says_instead(call)
    changes = replaces_person or call.asks_to_move or any(each.search(said) for each in (MOVE, _CHANGE))
    adds = _speaks_of_one_more(call) and not (changes or _TAKES_BACK.search(said))
    is_led = any(not _ALSO.search(words_of(each)) for each in call.asked_since_change.splitlines())
    agrees = bool(_AGREES.fullmatch(said)) and not (said and is_led)
    return Doubts(call.listed, adds or agrees, changes, replaces_person)


def wants_one_more(call: CallContext) -> bool:
    """Return whether the caller has mentioned a further appointment since the last answer."""
    return bool(_ADDS.search(words_of(call.said_since or "")))


def never_speaks_of_another(call: CallContext) -> bool:
    """Return whether the caller has spoken in this call, and used no word for a further appointment."""
    return bool(call.utterances) and not any(
        _SEVERAL.search(_ALSO_AT.sub(" ", words_of(each))) for each in call.utterances
    )


def asks_another_time(call: CallContext) -> bool:
    """Return whether the caller has asked for another time and has not mentioned a further appointment."""
    said = words_of(call.said_since_change or "")
    return _ANOTHER_TIME.search(said) is not None and not _ALSO.search(said)


def _speaks_of_one_more(call: CallContext) -> bool:
    """Return whether the caller has stated, not asked, that a further appointment is wanted."""
    said = (call.said_since_change or "").splitlines()
    return any(_ADDS.search(words_of(each)) for each in said if "?" not in each)


def says_instead(call: CallContext) -> bool:
    """Return whether the caller has said that one person comes in place of another."""
    return any(_INSTEAD.search(each) for each in call.utterances)
