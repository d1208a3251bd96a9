"""Find the services that a caller may mean by words that name none: by a stem, a part of a compound, or a translation. Pure.

The caller is only asked about such services: "Meinen Sie Bartschnitt?". But in a visit of several services, the beginning of a
name that only one service has names that service.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice, pairwise, product
from typing import Final

from askproai_core.tenant_config import Service
from askproai_runtime.language.generic_services import GENERIC, is_generic
from askproai_runtime.language.heard_names import list_heard_services
from askproai_runtime.language.spoken_services import (
    NamedServices,
    cut_ending,
    find_exactly_named,
    find_named,
    names_service,
    read_services,
    split_visit,
)
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import MOST_SERVICES

_WORDS: Final = UNDERSTOOD.services
_MOST_WORDS = 12  # words compared with each service: other callers wait meanwhile
_FEWEST_CONSONANTS = 3  # letters in common; too many words share fewer
_MIN_LETTERS = 4  # of a stem
_MOST_VISITS = 500  # that are compared
_COMPOUND, _FIRST_PART, _LAST_PART = 7, 4, 7  # letters of a compound, and of the parts that two compounds share
_SAME, _RELATED = 3, 2  # the weight of a declared word; a common meaning weighs one
_ENDINGS = {"", *_WORDS.word_ends}
_OF_ANY_COMPOUND = tuple(sorted(_WORDS.any_compound))
# Groups of folded words (or their beginnings and ends) with one meaning, for trades that take appointments.
_MEANINGS: tuple[frozenset[str], ...] = (*UNDERSTOOD.beauty_services, *UNDERSTOOD.other_services)
_HAIR, _CUT, *_WHOSE = (
    {UNDERSTOOD.beauty_services.keys.index(key)} for key in ("hair", "cut", "women", "men", "children")
)
# Objects of a verb such as "cut". A service of one of these, or of the hair, is none of another.
_OBJECTS = frozenset(UNDERSTOOD.beauty_services.keys.index(key) for key in ("beard", "nail", "lash", "brow"))
_GENITIVE = re.compile(r"['’]s\b", re.IGNORECASE)  # "men's", which folding would make two words


def list_related(said: str, offered: Sequence[Service]) -> list[Service]:
    """Return the services whose names are closest to the text `said`; empty if no word is close. Other words do not matter:
    "Spitzen schneiden" matches each Haarschnitt. But "Bart stutzen" matches none by its verb alone.
    """
    words = frozenset(fold(said).split())
    if len(words) > _MOST_WORDS:
        words = frozenset()
    meant = _list_all_meanings(said) if words else frozenset[int]()
    scores = {
        service.name: max(_score(words, name) for name in (service.display_name, *service.spoken_names))
        for service in offered
        if not _is_of_other(meant, service)
    }
    most = max(scores.values(), default=0)
    return [service for service in offered if most and scores.get(service.name) == most]


def _is_of_other(meant: frozenset[int], service: Service) -> bool:
    """Return True if words mean an object (`_OBJECTS`), and a service has another one, or is a cut, and none that they mean."""
    own = _list_meanings_of(service)
    is_of_none = own.isdisjoint(meant & (_OBJECTS | _HAIR))
    return is_of_none and not (meant.isdisjoint(_OBJECTS) or own.isdisjoint(_OBJECTS | _HAIR | _CUT))


def _list_meanings_of(service: Service) -> frozenset[int]:
    return frozenset[int]().union(*map(_list_all_meanings, (service.display_name, *service.spoken_names)))


def list_of_object(said: str, offered: Sequence[Service]) -> list[Service]:
    """Return the services for the object in `_OBJECTS` that words name: Bartpflege for "Bart stutzen"; [] for several parts."""
    meant = _list_all_meanings(said) & _OBJECTS if len(split_visit(said)) == 1 else frozenset[int]()
    return [each for each in offered if not meant.isdisjoint(_list_meanings_of(each))]


def leave_out_unsaid(said: str, meant: Sequence[Service]) -> list[Service]:
    """Return the services, except those whose name adds only unsaid words to another service's: `Haarschnitt und Bart`."""
    words = frozenset(fold(said).split()[:_MOST_WORDS])
    names = {each.name: set(fold(each.display_name).split()) for each in meant}
    longer = {
        each.name
        for each in meant
        for other in meant
        if names[other.name] < names[each.name] and not _score(words, " ".join(names[each.name] - names[other.name]))
    }
    return [each for each in meant if each.name not in longer]


def find_translated(text: str, offered: Sequence[Service]) -> NamedServices | None:
    """Return the services that a text names by synonyms or a translation, one for each of its parts (`haircut and beard trim`);
    a part may also be a declared name. None if a part means no service, or several.
    """
    said = split_visit(text)
    whole = [each for each in _list_translated(text, offered) if len(said) == len(split_visit(each.display_name))]
    parts = [whole] if whole else [_list_meant(part, offered) for part in said]
    if not parts or any(len(part) != 1 for part in parts):
        return None
    services = tuple({part[0].name: part[0] for part in parts}.values())
    is_twice = "/" in text and len(services) == 1  # once in each language
    return NamedServices(services) if is_twice or len(services) == len(parts) <= MOST_SERVICES else None


def _list_meant(part: str, offered: Sequence[Service]) -> list[Service]:
    named = find_exactly_named(part, offered)
    return [named] if named is not None else _list_translated(part, offered)


def _list_translated(text: str, offered: Sequence[Service]) -> list[Service]:
    """Return the services with a name that means the same as the text; [] if a service with a longer name may also be meant."""
    meant = _meanings_of(text)
    if not meant:
        return []
    names = {each.name: (each.display_name, *each.spoken_names) for each in offered}
    found = [each for each in offered if any(_is_meant(name, text, meant) for name in names[each.name])]
    single = [each for each in offered if each not in found and len(split_visit(each.display_name)) <= 1]
    is_near = any(meant <= _list_all_meanings(name) for each in single for name in names[each.name])
    is_other = any(each not in found for each in find_named(offered, text))  # "Haare färben" beside Haarfarbe
    return [] if is_near or is_other else found


def _is_meant(name: str, text: str, meant: frozenset[int]) -> bool:
    """Return whether a name has the meaning `meant` of a text, or the text joins "Haar" and the name: "Haarefärben"."""
    before = fold(text).removesuffix(fold(name))
    is_end = before != fold(text) and before[-1:].isalpha()
    return _meanings_of(name) == (meant - _HAIR if is_end else meant)


def adds_nothing(rest: str, named: Sequence[Service]) -> bool:
    """Return True if words only repeat one part of a service in `named` that has several parts: "Haare" for "Schnitt und Bart"."""
    of_several = [each for each in named if len(split_visit(each.display_name)) > 1]
    known = frozenset[int]().union(*(_list_all_meanings(each.display_name) for each in of_several))
    meant = _meanings_of(rest)
    return meant is not None and meant <= known


def leave_out_parts(named: Sequence[Service]) -> tuple[Service, ...]:
    """Return the services, except those that are a part of another one: "Bart" beside "Haarschnitt und Bart"."""
    return tuple(
        each
        for each in named
        if not any(each.display_name in split_visit(other.display_name) for other in named if other is not each)
    )


def list_general(words: str, offered: Sequence[Service]) -> list[tuple[str, Service]]:
    """Return (folded name, service) pairs for each part of a question that means services by general words alone: each
    Haarschnitt for "was kostet ein Schnitt mit Bart". A part that contains a service's name means no further service.
    """
    found, parts = list[tuple[str, Service]](), split_visit(words)
    named = {service.name for service in find_named(offered, words)}
    for part in parts:
        general = [word for word in fold(part).split() if _list_meanings(word)]
        meant = _meanings_of(" ".join(general))
        if meant is not None and not find_named(offered, part):
            near = [each for each in offered if each.name not in named and _may_mean(each, meant)]
            found += [(fold(each.display_name), each) for each in leave_out_unsaid(part, near)]
    return found


def _may_mean(service: Service, meant: frozenset[int]) -> bool:
    return any(meant <= _list_all_meanings(name) for name in (service.display_name, *service.spoken_names))


def says_part(text: str, named: Sequence[Service]) -> bool:
    """Return True if words mean a service in `named`, or a part of its name: "beard" beside "Haarschnitt und Bart"."""
    meant = _meanings_of(text)
    return meant is not None and any(_may_mean(each, meant) for each in named)


def _meanings_of(text: str) -> frozenset[int] | None:
    """Return the numbers of the meanings (groups of synonyms) of a text's words; None if any word has no known meaning."""
    beside = _WORDS.beside_parts | GENERIC
    words = [word for word in fold(_GENITIVE.sub("", text)).split() if word not in beside or _list_meanings(word)]
    meanings = [_list_meanings(word) if _is_all_meant(word) else frozenset() for word in words[:_MOST_WORDS]]
    return _join_meanings(meanings) if meanings and all(meanings) else None


def _list_all_meanings(text: str) -> frozenset[int]:
    return _join_meanings([_list_meanings(word) for word in fold(text).split()])


def _join_meanings(meanings: Sequence[frozenset[int]]) -> frozenset[int]:
    """Return the meanings of several words. The cut of somebody is a haircut: "Herrenschnitt", "men's cut"."""
    joined = frozenset[int]().union(*meanings)
    return joined | _HAIR if joined >= _CUT and any(joined >= each for each in _WHOSE) else joined


@lru_cache(maxsize=8192)
def _is_all_meant(word: str) -> bool:
    """Return True if each part of a folded compound has a known meaning. False for "Bartpflege", since only "Bart" has one."""
    rest = word
    forms = (form for number in _list_meanings(word) for form in _MEANINGS[number])
    for form in sorted(forms, key=lambda form: (len(form), form), reverse=True):
        rest = rest.replace(form, " ", 1)
    return _ENDINGS.issuperset(rest.split()) and not any(_has_form(word, form) for form in _WORDS.special_kinds)


def complete_names(text: str, offered: Sequence[Service]) -> NamedServices:
    """Return the services that a text names; a part of a visit may also be the beginning of a name that only one service has:
    "Haarschnitt mit Bart".

    Nobody has a service together with another one whose name contains its name: "Haarschnitt mit Kind" is not clear.
    """
    parts = split_visit(text) or [text]
    if any(_list_compounds(part, offered) for part in parts if find_exactly_named(part, offered) is None):
        return NamedServices((), unknown=text)
    named = found = read_services(text, offered)
    for _ in range(MOST_SERVICES):
        said = found.unknown or ""
        begun = [each.display_name for each in offered if _begins(said, each)]
        if len(begun) != 1 or is_generic(said):
            break
        text = begun[0].join(re.split(rf"\b{re.escape(said)}\b", text))
        found = read_services(text, offered)
    names = [fold(each.display_name) for each in found.services]
    is_clear = len(names) > 1 and not any(one != other and one in other for one in names for other in names)
    return found if is_clear and found.unknown is None else named


def _list_compounds(said: str, offered: Sequence[Service]) -> list[Service]:
    """Return the services whose compound name a text says in two words that also name a service each.

    "Bart schneiden" is a Bartschnitt alone, without a Haarschnitt.
    """
    words = fold(said).split()
    pairs = [pair for pair in pairwise(words) if all(names_service(word, offered) for word in pair)]
    return [service for service in offered if any(_is_name_of(pair, service) for pair in pairs)]


def _is_name_of(pair: tuple[str, str], service: Service) -> bool:
    first, second = pair
    names = [word for name in (service.display_name, *service.spoken_names) for word in fold(name).split()]
    return any(word != first and word.startswith(first) and _closeness(second, word) > 0 for word in names)


def _begins(said: str, service: Service) -> bool:
    word = fold(said)
    is_word = len(word) >= _MIN_LETTERS and " " not in word
    return is_word and any(fold(name).startswith(word) for name in (service.display_name, *service.spoken_names))


def list_joined(text: str, offered: Sequence[Service]) -> list[tuple[Service, ...]]:
    """Return the possible visits for a text of several parts, with one service for each part: "Haarschnitt mit Bart".

    Return [] if a part means no service, if two parts can only mean one service, or if a single service of as many parts is
    closest.
    """
    parts = split_visit(text)
    if not 1 < len(parts) <= MOST_SERVICES:
        return []
    if any(is_generic(part) and not find_named(offered, part) for part in parts):  # "Beratung" sounds like "Bart"
        return []
    if any(len(split_visit(each.display_name)) == len(parts) for each in list_related(text, offered)):
        return []
    meant = [leave_out_unsaid(part, list_near(part, offered)) for part in parts]
    visits = dict[frozenset[str], tuple[Service, ...]]()
    for visit in islice(product(*meant), _MOST_VISITS):
        names = frozenset(service.name for service in visit)
        if len(names) == len(parts):
            visits.setdefault(names, visit)
    return list(visits.values())


def list_near(said: str, offered: Sequence[Service]) -> Sequence[Service]:
    """Return the services that the words `said` name; else similar sounding ones; else the ones with the closest names."""
    compounds = _list_compounds(said, offered)
    return compounds or find_named(offered, said) or list_heard_services(said, offered) or list_related(said, offered)


def _score(words: frozenset[str], name: str) -> int:
    known = fold(name).split()
    return sum(max((_closeness(word, each) for each in known), default=0) for word in words)


def _closeness(said: str, known: str) -> int:
    """Return how close two folded words are; 0 if they have nothing in common."""
    if said == known:
        return _SAME
    meanings = len(_list_meanings(said) & _list_meanings(known))
    if len(said) < _MIN_LETTERS:
        return meanings
    return max(meanings, _RELATED if _is_related(said, known) else int(_shares_part(said, known)))


@lru_cache(maxsize=8192)
def _list_meanings(word: str) -> frozenset[int]:
    return frozenset(number for number, forms in enumerate(_MEANINGS) if any(_has_form(word, form) for form in forms))


def _has_form(word: str, form: str) -> bool:
    return (
        word == form
        or (len(form) >= _MIN_LETTERS and (word.startswith(form) or word.endswith(form)))
        or (len(form) > _MIN_LETTERS and form in word)
    )


def _is_related(said: str, known: str) -> bool:
    """Return True if a folded word is a part of the other word, or has its stem ("schneiden" and "Haarschnitt").

    The vowels of a German verb change, its consonants stay.
    """
    stem, root = cut_ending(said), cut_ending(known)
    if (len(stem) >= _MIN_LETTERS and stem in known) or (len(root) >= _MIN_LETTERS and root in said):
        return True
    consonants, others = _consonants(stem), _consonants(root)
    return len(consonants) >= _FEWEST_CONSONANTS and (
        others.endswith(consonants) or (others.startswith(consonants) and said[0] == known[0])
    )


def _shares_part(said: str, known: str) -> bool:
    """Return whether two compounds have the first or the last part in common: "Klavierkurs" and "Klavierstunde"."""
    if min(len(said), len(known)) < _COMPOUND or said.startswith(_OF_ANY_COMPOUND):
        return False
    return said[:_FIRST_PART] == known[:_FIRST_PART] or said[-_LAST_PART:] == known[-_LAST_PART:]


def _consonants(word: str) -> str:
    hard = re.sub(r"[aeiouyj]", "", word).replace("d", "t").replace("b", "p").replace("g", "k")
    return re.sub(r"(.)\1+", r"\1", hard)
