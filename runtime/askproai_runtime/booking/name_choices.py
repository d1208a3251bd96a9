"""What a caller chooses who is asked whether a booked name is to be corrected, or a second appointment is meant. Pure.

Neither yes nor no answers that: only words for one of the two do.
"""

import re
from collections.abc import Sequence
from typing import Final

_CORRECTED: Final = (
    r"(?:(?:ge|ver|ab|um)?änder\w*|umbenenn\w*|umschreib\w*|korrig\w*|korrektur|richtig ?stell\w*|berichtig\w*|verbesser\w*"
    r"|falsch\w*|verschrieb\w*|vertippt|vertan|tippfehler|(?:ge)?schr[ie]+b\w*|buchstabier\w*|hei(?:ß|ss)\w*|nur (?:de[nr] )?namen?"
    r"|erstere\w*|das erste|chang\w*|renam\w*|correct\w*|fix\w*|updat\w*|spell\w*|spelt|typo|wrong|misheard|just the name"
    r"|only the name|the former|the first|(?:my|the|her|his) name is|is called)"
)
_SECOND: Final = (
    r"(?:(?:zweit|weiter)e[mnrs]?|zwei(?: termine)?|zusätzlich\w*|(?:noch|und) ein\w*|extra|beide\w*|dazu|eigene[nr]?|letztere\w*"
    r"|bleib\w*|behalt\w*|keep\w*|stays?|second|another|additional|both|separate|the latter|two(?: appointments)?|one more"
    r"|in addition)"
)
# These mean a second one only where nothing else is said: "den Namen bitte auch ändern".
_PERSON: Final = re.compile(
    r"\b(?:auch|ebenfalls|mit|too|also|as well"
    r"|(?:meine?|unsere?|my|our) (?:mann|frau|sohn|tochter|kind|bruder|schwester|mutter|vater|partner(?:in)?|freund(?:in)?|kollegin"
    r"|kollege|husband|wife|son|daughter|child|brother|sister|mother|father|friend))\b"
)
_INTERJECTION: Final = re.compile(r"^\W*(?:nein|nee|nö|no|nope)[,.;!]")  # "no, two" are two, "no second one" is none
_NOT: Final = (
    r"\b(?:kein\w*|nicht|nich|no|not|n t|don t|isn t|without|ohne)(?: (?:ein\w*|an?|the|de[nmr]|das|namen?|to|need))*"
)
_ASKED: Final = tuple(
    (re.compile(rf"\b{words}\b"), re.compile(rf"{_NOT} {words}\b")) for words in (_CORRECTED, _SECOND)
)


def corrects_name(utterances: Sequence[str]) -> bool | None:
    """Return whether the name is to be corrected; False for a second appointment, None without either. The last words count."""
    for utterance in reversed(utterances):
        said = _INTERJECTION.sub("", utterance.casefold())
        if (corrects := _corrects(" ".join(re.findall(r"\w+", said)))) is not None:
            return corrects
    return None


def _corrects(said: str) -> bool | None:
    (corrected, not_corrected), (second, not_second) = _ASKED
    corrects = bool(corrected.search(not_corrected.sub(" ", said)) or not_second.search(said))
    adds = bool(second.search(not_second.sub(" ", said)) or not_corrected.search(said))
    if corrects == adds:
        return False if not corrects and _PERSON.search(said) else None
    return corrects
