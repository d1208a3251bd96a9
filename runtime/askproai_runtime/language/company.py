"""Decide by a caller's words whether somebody comes along. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from askproai_core.tenant_config import Service
from askproai_runtime.language.answer_words import words_of
from askproai_runtime.language.name_words import FIRST_NAMES, RELATIVES
from askproai_runtime.language.spoken_services import find_named
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.spoken_times import ALL_WEEKDAYS
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.companions
_COMPANY: Final = re.compile(rf"\b(?:{_WORDS.company})\b")
_COUNTED: Final = re.compile(rf"\b(?:{_WORDS.counted})\b")
_ACCOMPANIED: Final = re.compile(rf"\b(?:{_WORDS.accompanied})\b")
_BESIDE_NAMES: Final = _WORDS.also | _WORDS.beside_persons
_CALLER_AND_NAME: Final = re.compile(rf"\b(?i:{_WORDS.caller_and}) [^\W\d_a-zäöüß]\w")  # "mich und Otto"
# "Otto und ich", "Der Kleine auch.": any capitalized word counts, since the caller is only asked.
_NAME_AND_CALLER: Final = re.compile(
    rf"\b[^\W\d_a-zäöüß]\w+ (?i:{_WORDS.and_caller})\b|\b[^\W\d_a-zäöüß]\w+ (?i:{'|'.join(sorted(_WORDS.also))})\b"
)
_TIMES: Final = re.compile(rf"\b(?:{_WORDS.times}) (\w+)")  # a service several times: "zweimal Haarschnitt"


def counts_people(utterance: str, services: Sequence[Service] = ()) -> bool:
    """Return whether a caller says a number of people or appointments, or names two people: "zu zweit", "mein Mann und ich"."""
    words = words_of(utterance)
    times = [form for each in _TIMES.findall(words) for form in (each, each[:-1])]  # "2 Haarschnitte"
    is_named = _CALLER_AND_NAME.search(utterance) or any(find_named(services, each) for each in times)
    return bool(_COUNTED.search(words) or is_named)


def is_accompanied(utterance: str) -> bool:
    """Return whether an utterance says that a relative comes along: "mein Mann will auch", "my son is coming with me"."""
    return _ACCOMPANIED.search(words_of(utterance)) is not None


def names_beside(utterance: str, name: str) -> bool:
    """Return whether an utterance adds a person to `name` by "und" or "auch": "Petra und Otto" beside Petra, "Julia auch"."""
    words, own = re.findall(r"\w+", utterance), fold(name).split()
    beside = (fold(found[0].split()[0]) for found in _NAME_AND_CALLER.finditer(utterance))
    if any(word not in ALL_WEEKDAYS and word not in own for word in beside):
        return True
    folded = [fold(word) for word in words]
    around = zip(folded, ["", *folded], [*folded[1:], ""], strict=False)
    if any(word in FIRST_NAMES - {*own} and not _BESIDE_NAMES.isdisjoint(beside) for word, *beside in around):
        return True
    return any(
        fold(link) in _WORDS.beside_persons
        and first[0].isupper()
        and last[0].isupper()
        and own[:1] in ([fold(first)], [fold(last)])
        for first, link, last in zip(words, words[1:], words[2:], strict=False)
    )


def speaks_of_company(utterance: str) -> bool:
    """Return whether somebody may come with the caller. The words lead to a question only: everyday ones are among them."""
    words = words_of(utterance)
    is_relative = not (RELATIVES - TITLES).isdisjoint(fold(words).split())
    return is_relative or bool(_COMPANY.search(words) or _COUNTED.search(words))
