"""Find the services that a caller's words name: one, or several in one visit ("Waschen, Schneiden und Föhnen"). Pure.

Names are found as whole words, the longest first, so that "Waschen und Legen" can be one service. Only joining words may come
between them. "Und" and "and" make no difference in a name: "Waschen & Legen", "Waschen, Legen" and "Waschen und Legen" sound
alike. A service after "kein", "nicht" or "ohne" is not wanted. The answer repeats all other words: no part is left out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from askproai_core.tenant_config import Service
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.services
_APART = ",;/+&"
_IN_PLACE_OF = re.compile(rf"\b(?:{_WORDS.in_place_of})\b", re.IGNORECASE)
_EXCLUDES = min(_WORDS.not_wanted)  # replaces these words before a service
_WRITTEN = re.compile(rf"[^\s{_APART}]+")  # folding may give several words: "Check-up"
_ENDINGS, _MIN_STEM = sorted(_WORDS.endings, key=len, reverse=True), 4  # letters
JOINING = _WORDS.joining  # folded, none of them a service
_JOINS = re.compile(rf"\s*(?:[,;/+&]|\b(?:{_WORDS.joins_names})\b\.?)\s*", re.IGNORECASE)
NUMBER = rf"\b(?:{_WORDS.number}|[2-9])"
# "Für 3 Uhr", "for two thirty", "für 2:30", "für 2 Stunden" count nobody.
_OF_TIME = rf"[:.,]\d|[\s-]*(?:(?:{_WORDS.time_unit})\b|[0-5]\d\b)|[\s-]+(?:{_WORDS.minutes})"
_FOR = rf"\b(?:{'|'.join(sorted(_WORDS.for_whom))})\s+"
SEVERAL = re.compile(
    rf"{NUMBER}(?:\s*x|{_WORDS.times_over})\b|\b(?:{_WORDS.repeatedly})\b|\bx\s*[2-9]\b"
    rf"|(?:{_FOR})?\b(?:{NUMBER}\s+(?:{_WORDS.people})|{_WORDS.us_both})\b|{_FOR}{NUMBER}\b(?!{_OF_TIME})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class NamedServices:
    """The services that a text names, in the order said, each once. `unknown` are the first words that name no service.
    `repeated`: the same words name one service twice, as for two people.
    """

    services: tuple[Service, ...]
    unknown: str | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Word:
    folded: str
    first: int
    end: int

    @property
    def joins(self) -> bool:
        return self.folded in JOINING


def read_services(text: str, offered: Sequence[Service]) -> NamedServices:
    """Return the `offered` services that a text names. "Zweimal" and "für zwei Personen" set `repeated`."""
    text = _IN_PLACE_OF.sub(_EXCLUDES, text)
    found = _read(text, offered)
    if found.unknown is not None and SEVERAL.search(text):
        once = _read(drop_counts(text), offered)
        if once.services and once.unknown is None:
            return replace(once, repeated=True)
    return found


def drop_counts(text: str) -> str:
    """Return a text without the words that count several people: "zweimal", "für uns beide"."""
    return SEVERAL.sub(" ", text)


def _read(text: str, offered: Sequence[Service]) -> NamedServices:
    if not text:
        return NamedServices(())
    names = _fold_names(offered)
    words = [_Word(part, m.start(), m.end()) for m in _WRITTEN.finditer(text) for part in _list_words(m.group())]
    longest, at = max(map(len, names), default=0), 0
    found: list[tuple[tuple[str, ...], Service]] = []
    excluded: list[tuple[tuple[str, ...], Service]] = []
    while at < len(words):
        lengths = range(min(longest, len(words) - at), 0, -1)
        said = (tuple(word.folded for word in words[at : at + length]) for length in lengths)
        named = next((each for each in said if each in names), None)
        if named is not None and names[named] not in _each_once(found) and _is_act(text, words, at, named, found):
            return NamedServices(_each_once(found[:-1]), unknown=_words_around(text, words, at))
        if named is not None:
            (excluded if at and words[at - 1].folded in _WORDS.not_wanted else found).append((named, names[named]))
            at += len(named)
        elif (words[at].folded in _WORDS.not_wanted and _is_before_name(text, words, at, names)) or words[at].joins:
            at += 1
        else:
            return NamedServices(_each_once(found), unknown=_words_around(text, words, at))
    if {service.name for _, service in found} & {service.name for _, service in excluded}:
        return NamedServices((), unknown=text)
    repeated = len({name for name, _ in found}) < len(found)
    return NamedServices(_each_once(found), repeated=repeated)


def _is_act(
    text: str, words: Sequence[_Word], at: int, name: tuple[str, ...], found: Sequence[tuple[tuple[str, ...], Service]]
) -> bool:
    """Return whether a name may only be the act on the one directly before it: "Bart schneiden", not "Waschen, Schneiden"."""
    is_beside = (
        bool(found) and words[at - 1].folded == found[-1][0][-1] and not _is_apart(text, words[at - 1], words[at])
    )
    return is_beside and len(name) == 1 and name[0] in _WORDS.acts and not words[at - 1].folded.endswith("en")


def names_service(text: str, offered: Sequence[Service]) -> bool:
    """Return whether a text names services, and nothing else."""
    named = read_services(text, offered)
    return bool(named.services) and named.unknown is None


def find_exactly_named(text: str, offered: Sequence[Service]) -> Service | None:
    """Return the only service that a text names once; None if the text says anything else."""
    named = read_services(text, offered)
    is_one = len(named.services) == 1 and named.unknown is None and not named.repeated
    return named.services[0] if is_one else None


def split_visit(text: str) -> list[str]:
    """Return the parts of a text between joining words or signs: `Haarschnitt` and `Bart` for "Haarschnitt mit Bart".

    Return [] if a word excludes or replaces a part: "ohne", "statt".
    """
    if not (_WORDS.not_wanted | _WORDS.instead).isdisjoint(fold(text).split()):
        return []
    return [part for part in _JOINS.split(text) if not set(fold(part).split()) <= JOINING]


def find_named(services: Iterable[Service], text: str, *, inflected: bool = False) -> tuple[Service, ...]:
    """Return the services with a name that a text contains as whole words.

    With `inflected` words may have other endings: "einen ersten Termin" contains "erster Termin".
    """
    cut = cut_ending if inflected else str
    words = f" {' '.join(map(cut, _list_words(text)))} "
    return tuple(
        each
        for each in services
        if any(f" {' '.join(map(cut, _fold_name(name)))} " in words for name in (each.display_name, *each.spoken_names))
    )


def cut_ending(word: str) -> str:
    """Return a folded word without its ending: `erst` of `ersten`."""
    ending = next((each for each in _ENDINGS if word.endswith(each) and len(word) - len(each) >= _MIN_STEM), "")
    return word.removesuffix(ending)


def _is_before_name(text: str, words: Sequence[_Word], at: int, names: Mapping[tuple[str, ...], Service]) -> bool:
    """Return whether a service name follows a word directly: "Färben nicht, Haarschnitt" does not exclude a Haarschnitt."""
    rest = tuple(word.folded for word in words[at + 1 :])
    is_named = any(rest[: len(name)] == name for name in names)
    return is_named and not _is_apart(text, words[at], words[at + 1])


def _fold_names(offered: Iterable[Service]) -> dict[tuple[str, ...], Service]:
    """Return the services by the words of each of their names; for a name that several share, the first service."""
    names: dict[tuple[str, ...], Service] = {}
    for service in offered:
        for name in (service.name, service.display_name, *service.spoken_names):
            names.setdefault(_fold_name(name), service)
    names.pop((), None)
    return names


@lru_cache(maxsize=8192)
def _fold_name(name: str) -> tuple[str, ...]:
    """Return the folded words of a declared name. Cached, since a question needs the names of all branches of a business."""
    return _list_words(name)


def _list_words(text: str) -> tuple[str, ...]:
    """Return the folded words without "und"."""
    return tuple(word for word in fold(text).split() if word not in _WORDS.conjunction)


def _each_once(found: Iterable[tuple[tuple[str, ...], Service]]) -> tuple[Service, ...]:
    return tuple({service.name: service for _, service in found}.values())


def _words_around(text: str, words: Sequence[_Word], at: int) -> str:
    """Return the piece of the text around the word at index `at`: from the joining word or comma before it to the next one."""
    first = last = at
    while first > 0 and not words[first - 1].joins and not _is_apart(text, words[first - 1], words[first]):
        first -= 1
    while last + 1 < len(words) and not words[last + 1].joins and not _is_apart(text, words[last], words[last + 1]):
        last += 1
    return text[words[first].first : words[last].end]


def _is_apart(text: str, word: _Word, following: _Word) -> bool:
    between = text[word.end : following.first]
    return any(mark in between for mark in _APART) or not _WORDS.conjunction.isdisjoint(fold(between).split())
