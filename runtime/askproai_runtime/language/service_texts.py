"""Find the parts of a text for a service that are other arguments: a day, an hour, a staff member, a branch, a count, a person.
Pure.

The understood words are a closed list, and there is one default. Words between the names of services are read only if the
readers of the other arguments understand all of them. All other words stay in the text: the question about the service says
that more was not understood, and that the service is for one person.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Final

from askproai_core.tenant_config import Service, Staff
from askproai_runtime.language.generic_services import GENERIC
from askproai_runtime.language.name_words import POSSESSIVES, RELATIVES, SEVERAL_RELATIVES
from askproai_runtime.language.near_services import (
    adds_nothing,
    complete_names,
    find_translated,
    leave_out_parts,
    list_near,
    list_related,
)
from askproai_runtime.language.spoken_services import JOINING, NUMBER, SEVERAL, NamedServices, cut_ending, split_visit
from askproai_runtime.language.staff_preferences import says_with_whom
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import present_language
from askproai_runtime.spoken_times import Argument, Grain
from askproai_runtime.spoken_times.arguments import find_open_span, find_part_argument
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.service_texts
# The note of the prompt's list behind a service: "(45 Minuten; auch: Schneiden)". Models copy the whole line.
_OF_CATALOGUE = re.compile(rf"\s*\(\d+ ?(?:{_WORDS.catalogue_minutes})\b[^()]*\)", re.IGNORECASE)
_WORD = re.compile(r"[^\s,;/+&()]+")
_NUMBER = re.compile(NUMBER, re.IGNORECASE)
_FORM = JOINING | GENERIC
_BESIDE = _FORM | UNDERSTOOD.services.beside_parts
_AND = UNDERSTOOD.services.conjunction
_WITH = _WORDS.together_with
_FOR = {*map(fold, UNDERSTOOD.services.for_whom)}
_COUNTS = (("3", rf"3|{_WORDS.three}"), ("4", rf"4|{_WORDS.four}"))  # any other count is of two
_TELLING = re.compile(r"\d[:.]\d|:\d")  # a date or a time in one word
_MOST_WORDS, _MOST_PARTS, _LONGEST_PART = 16, 6, 6  # other callers wait meanwhile
_FEWEST_LETTERS = 4  # of a day in one word: "am" and "may" mean others as well


@dataclass(frozen=True, slots=True)
class ServicePart:
    """A piece of the model's service text that belongs to another `argument`: `staff`, `branch`, a time, `quantity` or
    `person`. `text` is its value ("" for the caller as `person`), and `instead` replaces it in the service text.
    """

    argument: str
    text: str
    first: int
    end: int
    instead: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    folded: str
    first: int
    end: int
    is_name: bool = False
    is_service: bool = False  # also a word that only nearly names one


def list_service_parts(
    text: str,
    services: Sequence[Service],
    staff: Sequence[Staff],
    names_branch: Callable[[str], bool] = lambda _: False,
) -> list[ServicePart]:
    """Return the pieces of a service text that belong to other arguments; [] if two of them belong to one argument, or if the
    text names several services and a person. `names_branch` returns True for words that are only the place of a branch.
    """
    words = _read_words(text, services)
    if len(words) > _MOST_WORDS:
        return []
    parts = [
        part for run in _list_runs(words) for part in _Reader(text, words, run, services, staff, names_branch).read()
    ]
    arguments = [part.argument for part in parts]
    is_of_several = "person" in arguments and sum(is_service for is_service, _ in groupby(words, _is_of_service)) > 1
    return [] if len(set(arguments)) < len(arguments) or is_of_several else parts


def drop_catalogue(text: str) -> str:
    """Return a text without the note that the prompt's list has after a service: "(45 Minuten; auch: Schneiden)"."""
    return _OF_CATALOGUE.sub("", text)


def cut_parts(text: str, parts: Sequence[ServicePart]) -> str:
    """Return a text without these parts, each replaced by its `instead`."""
    for part in sorted(parts, key=lambda part: part.first, reverse=True):
        text = f"{text[: part.first]}{part.instead}{text[part.end :]}"
    return re.sub(r"\s+(?=[,;)]|$)|\(\s*\)", "", text).strip(" ,;.") if parts else text


def read_named(text: str, offered: Sequence[Service]) -> NamedServices:
    """Return the services that a text names, by their names or by synonyms."""
    named = complete_names(text, offered)
    if named.services and named.unknown and adds_nothing(named.unknown, named.services):
        rest = re.sub(rf"\b{re.escape(named.unknown)}\b", " ", text, flags=re.IGNORECASE)
        named = complete_names(rest, offered)  # further words may name another one
        return replace(named, services=leave_out_parts(named.services))
    is_known = bool(named.services) and named.unknown is None
    return named if is_known or names_several(text, offered) else find_translated(text, offered) or named


def read_beside_unknown(text: str, offered: Sequence[Service]) -> tuple[tuple[Service, ...], list[str]]:
    """Return the services that some parts of a text name, and its other parts: "Strähnen" of "Strähnen, Haarschnitt".

    Return ((), []) if the unknown words are no whole part, and may belong to a name beside them: "Haarschnitt für Kinder".
    """
    parts, meant = split_visit(text), dict[str, NamedServices | None]()
    named = read_named(text, offered) if 1 < len(parts) <= _MOST_PARTS else NamedServices(())
    while (part := named.unknown) is not None:
        if part not in parts or part in meant:
            return (), []
        meant[part] = find_translated(part, offered)  # "men's cut, massage"
        text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", " ", text)
        named = read_named(text, offered)
    services = [*named.services, *(each for found in meant.values() if found for each in found.services)]
    unknown = [part for part, found in meant.items() if found is None]
    return (tuple({each.name: each for each in services}.values()), unknown) if unknown and services else ((), [])


def find_rest(text: str, services: Sequence[Service]) -> str:
    """Return the words of a service text that name no service, not even nearly; "" if no word of the text names a service.

    If a single word remains, it is returned with the service after it: "fünf Haarschnitte".
    """
    words = _read_words(text, services)
    if len(words) > _MOST_WORDS:
        return text
    if words and not any(word.is_service for word in words):
        words = [replace(word, is_service=bool(list_near(word.folded, services))) for word in words]
    if all(word.is_service or word.folded in _BESIDE for word in words) or not any(word.is_service for word in words):
        return ""
    ends = {word.end: following.end for word, following in pairwise(words)}
    runs = _list_runs([replace(word, is_service=word.is_name) for word in words])
    return ", ".join(
        text[run[0].first : ends.get(run[-1].end, run[-1].end) if len(run) == 1 else run[-1].end]
        for run in runs
        if any(word.folded not in _BESIDE for word in run)
    )


def names_several(text: str, services: Sequence[Service]) -> bool:
    """Return True if a text has a service's name with another ending than declared, as in a plural: "Haarschnitte"."""
    return any(word.is_name and _find_singular(word.folded, services) for word in _read_words(text, services))


def _read_words(text: str, services: Sequence[Service]) -> list[_Word]:
    """Return the words of a text without "und", with the words of services marked; in a long text none is marked."""
    found = [(fold(match.group()), match) for match in _WORD.finditer(text)]
    words = [_Word(folded, match.start(), match.end()) for folded, match in found if folded and folded not in _AND]
    if len(words) > _MOST_WORDS:
        return words
    said, own = [cut_ending(word.folded) for word in words], set[int]()
    for name in {fold(name) for service in services for name in _list_names(service)}:
        known = [cut_ending(word) for word in name.split() if word not in _AND]
        for at in range(len(said)):
            own |= set(range(at, at + len(known))) if said[at : at + len(known)] == known else set()
    marked = [replace(word, is_name=at in own) for at, word in enumerate(words)]
    near = {
        word.folded
        for word in marked
        if not (word.is_name or word.folded in _FORM) and list_related(word.folded, services)
    }
    return [replace(word, is_service=word.is_name or word.folded in near) for word in marked]


def _is_of_service(word: _Word) -> bool:
    return word.is_service


def _list_names(service: Service) -> tuple[str, ...]:
    return service.name, service.display_name, *service.spoken_names


def _find_singular(word: str, services: Sequence[Service]) -> str | None:
    """Return the display name of the only service whose name differs from `word` in its ending; None if `word` is a name."""
    if any(word == fold(name) for service in services for name in _list_names(service)):
        return None
    names = {each.display_name: map(fold, _list_names(each)) for each in services}
    found = [
        own for own, each in names.items() if cut_ending(word) in {cut_ending(n) for n in each if len(n) <= len(word)}
    ]
    return found[0] if len(found) == 1 else None


def _list_runs(words: Sequence[_Word]) -> Iterator[list[_Word]]:
    """Yield each run of consecutive words that are not part of a service's name."""
    for is_service, run in groupby(words, _is_of_service):
        if not is_service:
            yield list(run)


@dataclass
class _Reader:
    """A run of words between two services in a service text, with the names needed to split it into pieces of other arguments."""

    text: str
    words: Sequence[_Word]
    run: Sequence[_Word]
    services: Sequence[Service]
    staff: Sequence[Staff]
    names_branch: Callable[[str], bool]

    def read(self) -> list[ServicePart]:
        """Return the pieces of the whole run, else of its words before the last possible "mit" or "für"; [] if that fails."""
        ends = [at for at, word in enumerate(self.run) if at and word.folded in _FOR | _WITH]
        for end in (len(self.run), *reversed(ends)):
            if (parts := self._cover(0, end, set())) is not None:
                return parts
        return []

    def _cover(self, at: int, end: int, failed: set[int]) -> list[ServicePart] | None:
        """Return the pieces that cover the run's words from `at` to `end`, the longest first; None if a word is in no piece."""
        if at == end:
            return []
        if at in failed:
            return None
        for to in range(min(end, at + _LONGEST_PART), at, -1):
            part = self._read_part(self.run[at:to])
            if part is not None and (rest := self._cover(to, end, failed)) is not None:
                return [part, *rest]
        if self.run[at].folded in _FORM - _WORDS.adding and (rest := self._cover(at + 1, end, failed)) is not None:
            return rest
        failed.add(at)
        return None

    def _read_part(self, words: Sequence[_Word]) -> ServicePart | None:
        first, end = words[0].first, words[-1].end
        said = self.text[first:end]
        if SEVERAL.fullmatch(said):
            return ServicePart("quantity", _count(said), first, end)
        if (counted := self._find_counted(words)) is not None:
            name = _find_singular(counted.folded, self.services) or self.text[counted.first : counted.end]
            return ServicePart("quantity", _count(said), first, counted.end, name)
        if _is_for_one(words):
            return ServicePart("person", "" if words[-1].folded in _WORDS.oneself else said, first, end)
        if words[-1].folded in _WORDS.opening:
            return None
        if says_with_whom(said, self.staff):
            return ServicePart("staff", said, first, end)
        if (argument := _read_time(said, len(words), present_language())) is not None:
            return ServicePart(argument.value, said, first, end)
        return ServicePart("branch", said, first, end) if self.names_branch(said) else None

    def _find_counted(self, words: Sequence[_Word]) -> _Word | None:
        """Return the service word after a number; None if the number is in the service's name, or follows "mit"."""
        at = self.words.index(words[0])
        if len(words) > 1 or not _NUMBER.fullmatch(words[0].folded) or at + 1 == len(self.words):
            return None
        following = self.words[at + 1]
        names = " ".join(name for service in self.services for name in _list_names(service))
        is_plural = following.folded in fold(names).split() and cut_ending(following.folded) != following.folded
        near = [name for service in list_near(following.folded, self.services) for name in _list_names(service)]
        is_own = is_plural or any(map(_NUMBER.search, near))
        is_with = at > 0 and self.words[at - 1].folded in _WITH and any(word.is_service for word in self.words[:at])
        return following if following.is_service and not is_own and not is_with else None


def _count(said: str) -> str:
    digit = re.search(r"\d", said)
    return digit[0] if digit else next((count for count, words in _COUNTS if re.search(words, fold(said))), "2")


def _is_for_one(words: Sequence[_Word]) -> bool:
    """Return whether words are "für mich" or "für meinen Mann"."""
    match [word.folded for word in words]:
        case [link, whom] if link in _FOR and whom in _WORDS.oneself:
            return True
        case [link, whose, relation] if link in _FOR:
            return bool(POSSESSIVES.fullmatch(whose)) and relation in RELATIVES - SEVERAL_RELATIVES
        case _:
            return False


@lru_cache(maxsize=4096)
def _read_time(said: str, words: int, _language: object) -> Argument | None:
    """Return the time argument to which words belong; None for a number alone and for an ambiguous word ("zwei", "am")."""
    argument = find_part_argument(said)
    if argument is None or _TELLING.search(said):
        return argument
    if words > 1:
        is_number = all(find_part_argument(word) is Argument.TIME for word in said.split())
        return None if is_number else argument
    is_day = said.isalpha() and len(said) >= _FEWEST_LETTERS and argument is not Argument.TIME
    return argument if is_day and find_open_span(said) is not Grain.MONTH else None
