"""The times that an utterance takes back or corrects: "um elf, äh, zwölf", "am Freitag, nein, am Samstag". Pure."""

import re
from datetime import datetime
from typing import Final

from askproai_runtime.conversation.last_days import find_only_times
from askproai_runtime.language.declines import NUMBER, SAYS_HOUR, list_clauses, rejects_times
from askproai_runtime.spoken_times import ALL_WEEKDAYS
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.places
TAKEN_BACK: Final = re.compile(rf"\b(?:{_WORDS.takes_back})\b")
# "machen Sie elf draus", "oh, I meant eleven"
_SETS_HOUR: Final = re.compile(rf"(?:(?!\b{NUMBER}\b).)*\b(?:{_WORDS.sets_hour}) (?!(?:{_WORDS.one})\b)(?={NUMBER}\b)")
_HESITATES: Final = re.compile(rf"\b(?:{_WORDS.hesitates})(?:,? (?:{_WORDS.hesitates}))*\b,? ?([^,]*)")
_IS_MEANT: Final = re.compile(rf" (?:{_WORDS.is_meant})\b")
_HAS_OTHER: Final = re.compile(rf"\b(?:{_WORDS.has_other})")
BARE_WORDS: Final = 2
_BARE_HOUR: Final = re.compile(
    rf"^(?:\w+ )?{NUMBER}(?: (?:\w+ )?(?:{'|'.join(ALL_WEEKDAYS)})| (?:{UNDERSTOOD.declines.polite}))?(?=,|$)"
)


def list_settled(words: str, now: datetime) -> list[str]:
    """Return the clauses of an utterance in lower case, with a "nein" for a word such as "äh" before nothing but a time: "am
    Freitag, äh, Samstag", but not "am Freitag, äh, am Samstag sind wir weg"; so, too, for "Samstag meine ich".
    """

    def settle(said: str) -> str:
        only = _IS_MEANT.sub("", said)
        is_remark = _HAS_OTHER.search(said) or find_only_times(only, (), now) is None
        return said if is_remark else f"nein {only}"

    clauses = (clause for clause, _ in list_clauses(words))
    said = ", ".join(settle(each) if _IS_MEANT.search(each) else each for each in clauses)
    return _HESITATES.sub(lambda found: settle(found[1]), said).split(", ")


def find_hour(words: str, now: datetime) -> str:
    """Return the last words of an utterance with an hour that is not rejected, in lower case; "" without one."""
    said = ", ".join(each for each in list_settled(words, now) if not rejects_times(each))
    first, *others = pieces = [piece.strip(" ,") for piece in TAKEN_BACK.split(said)]
    is_bare = said.count(" ") < BARE_WORDS  # "die zehn"
    named = [each for each in pieces if each]
    is_only = len(named) > 1 and all(find_only_times(each, (), now) is not None for each in named)
    is_hour = is_only or SAYS_HOUR.search(said)  # else a number is something else: "Leo Lange, äh, fünf"
    for each in others[::-1]:
        if SAYS_HOUR.search(each):
            return each
        if is_hour and (bare := _BARE_HOUR.search(each)):
            return bare[0]
    return first if SAYS_HOUR.search(first) or (is_bare and _BARE_HOUR.fullmatch(first)) else ""


def find_set_hour(words: str, now: datetime) -> str:
    """Return the clause with the hour that an utterance puts in place of another one, in lower case; "" without one, as in "machen
    Sie doch zwei Zentimeter kürzer".
    """
    found = _SETS_HOUR.match(words.casefold())
    clause = next((clause for clause, _ in list_clauses(words[found.end() :])), "") if found else ""
    return "" if find_only_times(clause, (), now) is None else clause
