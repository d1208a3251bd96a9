"""What a caller chooses who is asked whether a booked name is to be corrected, or a second appointment is meant. Pure.

Neither yes nor no answers that: only words for one of the two do. Words for both, and any others, choose nothing.
"""

import re
from collections.abc import Sequence
from typing import Final

from askproai_runtime.booking.answer_words import says_nothing, says_only, words_of
from askproai_runtime.booking.name_words import RELATIVES

# All in lower case, as `casefold` writes it: "ss" for "ß".
_RELATIVE: Final = (
    rf"(?:(?:für|for) )?(?:meine?n?|unsere?n?|my|our) (?:{'|'.join(sorted(RELATIVES, key=len, reverse=True))})"
)
_CORRECTED: Final = (
    r"(?:(?:ab|um)?änder[ent]*|geändert|umbenenn\w*|umschreib\w*|korrig\w*|korrektur|richtig ?stellen|berichtig\w*|verbesser\w*"
    r"|(?:name|er|das) (?:ist|war) (?:\w+ )?falsch|falsch (?:geschrieben|verstanden)|verschrieben|vertippt|tippfehler"
    r"|ich heisse?|schreib\w* (?:sich|man)|nur (?:de[nr] )?namen?|ersteres|das erste|das bin ich"
    r"|(?:nur|bloss) ein(?:en)?(?: termin)?|(?:derselbe|denselben|der gleiche) termin"
    r"|change|rename|correct(?: it| the name)|misspell?ed|misspelt|spell?ed|spelt|typo|wrong name|the name is wrong|misheard"
    r"|just the name|only the name|the former|the first one|my name is|i m called|(?:just|only) one(?: appointment)?"
    r"|same appointment|that s me|am ende|hinten|at the end"
    r"|(?:mit|with an?) (?:(?:doppel|double) )?(?!(?:ja|ok|um|im|am|so|zu)\b)\w{1,2})"
)
# An appointment more, whatever it is asked beside.
MORE: Final = (
    r"(?:weitere[mnrs]?|zwei termine|zusätzlich\w*|(?:noch|auch|und) einen?(?: termin| bitte)*$|extra|eigene[nr]?"
    r"|(?:für uns )?beide[mnr]?(?: kommen)?"
    r"|andere[nr]? person|jemand ander\w+|zu zweit|another(?: one| appointment)?(?= please$|$)|further|additional|both(?: of us)?"
    r"|separate|two appointments"
    rf"|one more|in addition|{_RELATIVE})"
)
_SECOND: Final = (
    rf"(?:{MORE}|zweite[mnrs]?|letzteres|neue[nr]? termin|(?:kommt|komme|kommen|geht) (?:auch|mit|auch mit)|kommt er auch"
    r"|second|the latter|(?:is )?coming too"
    r"|some(?:body|one) else|add (?:him|her|them)"
    r"|(?:schreib\w*|trag\w*) (?:sie )?(?:ihn|sie|es) (?:bitte |noch |auch )*(?:mit )?(?:auf|ein))"
)
# These mean a second appointment only where nothing is said of a correction: "der Termin bleibt, nur der Name ist falsch".
_KEPT: Final = re.compile(r"\b(?:bleib\w*|behalt\w*|keep|stays?)\b")
_NAME_ONLY: Final = re.compile(r"(?:(?:ja|bitte|yes) )*(?:de[nr] |the )?(?:namen?|name)(?: bitte| please)?")
_SPELT: Final = re.compile(r"(?:\b\w\b ?){3,}")
INTERJECTION: Final = re.compile(r"^\W*(?:nein|nee|nö|no|nope)[,.;!]")  # "no, two" are two, "no second one" is none
NOT: Final = (
    r"\b(?:kein\w*|nicht|nichts|nich|no|not|nothing|n t|don t|isn t|without|ohne)"
    r"(?: (?:ein\w*|an?|the|de[nmr]|das|namen?|to|need))*"
)
NEGATED: Final = re.compile(r"\b(?:kein\w*|nicht|nichts|nich|nie|no|not|never|nothing|n t|don t|isn t|without|ohne)\b")
_ASKED: Final = tuple((re.compile(rf"\b{words}\b"), re.compile(rf"{NOT} {words}\b")) for words in (_CORRECTED, _SECOND))


_SAID: Final = re.compile("|".join(
    [each.pattern for pair in _ASKED for each in reversed(pair)] + [_KEPT.pattern, _SPELT.pattern]
))  # fmt: skip


def corrects_name(utterances: Sequence[str], about: str = "") -> bool | None:
    """Return whether the name is to be corrected; False for a second appointment, None without either.

    The last words count that say anything.
    `about` is the question. A sentence with words of anything else chooses nothing: it may say the opposite.
    """
    utterance = next((each for each in reversed(utterances) if not says_nothing(each)), "")
    said = words_of(INTERJECTION.sub("", utterance.casefold()))
    return _corrects(said) if says_only(said, _SAID, about) else None


def _corrects(said: str) -> bool | None:
    (corrected, not_corrected), (second, not_second) = _ASKED
    is_corrected = bool(_NAME_ONLY.fullmatch(said) or _SPELT.search(said) or corrected.search(said))
    is_second = bool(second.search(said))
    if NEGATED.search(
        said
    ):  # of one of both, "kein zweiter"; beside the other it may negate either: "ändern nicht, ein zweiter"
        if is_corrected == is_second or not (not_second if is_second else not_corrected).search(said):
            return None
        return is_second
    if is_corrected == is_second:
        return False if not is_corrected and _KEPT.search(said) else None
    return is_corrected
