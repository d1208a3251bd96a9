"""The words by which callers say which branch, all of them folded: case, umlauts and punctuation do not matter."""

import re

from askproai_runtime.booking import fold


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


DIGITS = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
_ORDINALS = ("erste", "zweite", "dritte", "vierte", "fünfte", "sechste", "siebte", "achte", "neunte")
_NUMBERS = (
    {fold(word): str(number) for number, word in enumerate(DIGITS)}
    | {fold(word) + end: str(number) for number, word in enumerate(_ORDINALS, 1) for end in ("", "n", "r")}
    | {"zwo": "2"}
)
_FILLERS = _set("am an auf bei bitte das dem den der die im in und von zu zum zur")
SAYS_NOTHING = _FILLERS | _set("da diese dieser dort egal euch filiale hier ihnen irgendeine welche")
BESIDE_A_DIGIT = _FILLERS | _set("filiale gern gerne ich ja moechte nehme nummer taste ziffer")
# Half of a name is none
NO_NAMES = _FILLERS | _set("alt alte alter altes bad gross klein neu neue neuer neues sankt st")
YES = _set("gern gerne genau ja jawohl klar ok okay passt richtig stimmt")
NEGATIONS = _set("ausser kein keine keinen keiner nicht ohne")
AS_ALWAYS = re.compile(
    r"\bwie (immer|sonst|gewohnt|ueblich|(das |beim )?letzte[ns]? mal)\b|\bwieder\b|\b(d(ie|er)|zur) ?(selbe|gleiche)[n]?\b"
)


def digits_in(said: str) -> str:
    """Give the digits that were said, one after the other ("eins null eins eins neun") or written; empty if there are none."""
    return "".join(word if word.isdecimal() else _NUMBERS.get(word, "") for word in fold(said).split())
