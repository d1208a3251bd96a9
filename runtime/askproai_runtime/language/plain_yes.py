"""Decide whether a yes with more words is a plain yes: all of them are words of the question, of the request that it asks
about, or small words that name nothing. Pure.

Any other word may be another time, person or service, or a condition.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from askproai_runtime.language.answer_words import FILLER, YES_WORD, words_of
from askproai_runtime.language.name_words import RELATIVES
from askproai_runtime.language.spoken_numbers import NUMBER_WORDS
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import SENTENCES
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.replies
# A denied name and a former appointment do not count as words of the question.
_DENIED: Final = re.compile(rf"\b(?:{_WORDS.not_for})\b[^.?]*", re.IGNORECASE)
_FORMER: Final = re.compile(rf".*\b(?:{_WORDS.former})\b", re.IGNORECASE | re.DOTALL)
_IN_PLACE_OF: Final = re.compile(rf"\b(?:{_WORDS.in_place_of}) \w+")
_PERSON: Final = re.compile(rf"\b(?:{_WORDS.with_whom}) (\w+)", re.IGNORECASE)
_NUMBER: Final = rf"(?:[01]?\d|2[0-4]|{'|'.join([*sorted(_WORDS.hour_of_one), *NUMBER_WORDS])})\b"
_HOUR: Final = re.compile(
    rf"\b(?:(?:{_WORDS.before_hour}) ({_NUMBER})(?: (?:{_WORDS.o_clock}))?|({_NUMBER}) (?:{_WORDS.o_clock}|{_WORDS.half_of_day})\b)"
)
_CLOCK: Final = re.compile(rf"(?<![\d:])\b({_NUMBER})(?=:\d\d|{_WORDS.behind_clock}|$)|T(\d\d):", re.IGNORECASE)
_DATE: Final = re.compile(r"\b\d{4}-\d\d-\d\d")
_OWN: Final = re.compile(rf"\b(?:{_WORDS.own})\b")
_MEANT: Final = re.compile(rf"\b(?:{_WORDS.i_mean})\b")
_AGREED: Final = re.compile(rf"\b(?:{YES_WORD}|{FILLER})\b")
_VERBS: Final[Mapping[str, frozenset[str]]] = {"reschedule_appointment": _WORDS.move, "book_appointment": _WORDS.book}


def is_plain_yes(utterance: str, about: str, function: str = "", request: Mapping[str, Any] | None = None) -> bool:
    """Return True if an utterance that contains a yes (and no "nein") adds nothing to our question, whose text is `about`. The
    call `function` has asked the question instead of carrying out the `request`.
    """
    asked = _FORMER.sub("", _DENIED.sub(" ", about))
    args = request or {}
    texts = [value for name, value in args.items() if isinstance(value, str) and name not in {"start", "time"}]
    known = {*fold(asked).split(), *(word for text in texts for word in fold(text).split())}
    denied = {word for found in _DENIED.findall(about) for word in fold(found).split()}
    known -= denied - {*fold(asked).split()}
    if len(people := [fold(each) for each in _PERSON.findall(asked)]) > 1:
        known -= {*people[:-1]} - {people[-1]}
    said = _MEANT.sub(" ", _IN_PLACE_OF.sub(" ", words_of(utterance)))
    known |= {f"{word}s" for word in known} | {*_list_weekdays(args)}
    rest = drop_hours(said, asked, args)
    rest = "?" if rest is None else _AGREED.sub(" ", _drop_own(rest, is_of_other=bool(denied)))
    left = {*fold(rest).split()} - known - _WORDS.small - _VERBS.get(function, frozenset())
    return not left and "?" not in rest


def drop_hours(said: str, asked: str, request: Mapping[str, Any] | None = None) -> str | None:
    """Return the caller's words without the hours in the question `asked` or the request; None if they name any other hour."""
    hours = _list_hours(asked, request or {})
    if any(_read_hour(found[1] or found[2]) not in hours for found in _HOUR.finditer(said)):
        return None
    return _HOUR.sub(" ", said)


def _list_weekdays(request: Mapping[str, Any]) -> Iterator[str]:
    for found in _DATE.findall(" ".join(str(request.get(name, "")) for name in ("date", "start"))):
        try:
            day = date.fromisoformat(found)
        except ValueError:
            continue
        yield from (fold(SENTENCES[language].weekdays[day.weekday()]) for language in SENTENCES)


def _list_hours(asked: str, request: Mapping[str, Any]) -> set[int]:
    """Return the hours, modulo 12, of the request and the question; in a question with a list after a colon, of the list."""
    last = asked.rpartition(": ")[2]
    texts = [last if _CLOCK.search(last) else asked, *(str(request.get(name, "")) for name in ("time", "start"))]
    found = (hour for text in texts for hours in _CLOCK.findall(text) for hour in hours if hour)
    return {_read_hour(each) for each in found}


def _read_hour(word: str) -> int:
    return 1 if word.casefold() in _WORDS.hour_of_one else int(NUMBER_WORDS.get(word.casefold(), word)) % 12


def _drop_own(said: str, *, is_of_other: bool) -> str:
    """Return words without the caller's relatives ("mein Mann"). Any other "mein" becomes "?": then the yes is not plain."""
    words, dropped = said.split(), list[str]()
    for index, word in enumerate(words):
        following = fold(words[index + 1]) if index + 1 < len(words) else ""
        if _OWN.fullmatch(word):
            is_known = following in RELATIVES or (not is_of_other and following in _WORDS.own_appointment)
            dropped += [] if is_known else ["?"]
        elif not (index and _OWN.fullmatch(words[index - 1]) and fold(word) in RELATIVES):
            dropped.append(word)
    return " ".join(dropped)
