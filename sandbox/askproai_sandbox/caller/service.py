"""A service of the business, and which words of a caller name it: all of one of its names, or a long one. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from askproai_sandbox.caller.word_forms import ANY_ADJECTIVE, MIN_WORD, alike, is_part, said_apart, stem, words_of

_IN_BRACKETS = re.compile(r"\s*\([^()]*\)")  # nobody says "(30 Min.)" of "Erstgespräch (30 Min.)"
INFINITIVE = re.compile(r"\b[a-zäöü]+n\b")  # "machen" of "Zähne machen" is said of anything
_OF_LENGTH = frozenset(
    {"minute", "minuten", "stunde", "stunden", "hause"}
)  # and of a place, which name no service alone
# Words of a name that callers leave out or replace: "Beratung für Permanent-Make-up" of "Beratung zum Permanent-Make-up"
_LINKS = frozenset({"zum", "zur", "zu", "für", "fürs", "der", "des", "von", "vom", "wegen", "über"})
_BETWEEN_PARTS = _LINKS | frozenset(
    {"um", "das", "die", "den", "dem", "ein", "eine", "einem", "einer", "es", "geht", "ihr", "ihre", ","}
)


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its name and the other names that callers use for it."""

    name: str
    spoken_names: tuple[str, ...] = ()
    staff: tuple[str, ...] | None = None  # who can do it; None where the prompt does not say: everybody of its branches
    is_everywhere: bool = True  # not in some branches only
    minutes: int | None = None  # its length; None where the prompt does not say


def names_of(service: Service) -> tuple[str, ...]:
    """Return what a service is called, also without what its name has in brackets."""
    names = (service.name, *service.spoken_names)
    return tuple(dict.fromkeys((*names, *filter(None, (_IN_BRACKETS.sub("", name).strip() for name in names)))))


def find_said(service: Service, words: Sequence[str], *, in_full: bool) -> frozenset[int]:
    """Return the positions of the words that mean this service: by all words of one of its names, or by a long one."""
    positions: set[int] = set()
    for name in names_of(service):
        parts, verbs = words_of(name), set(words_of(" ".join(INFINITIVE.findall(name))))
        found = [
            {i for i, word in enumerate(words) if alike(part, word) and not (in_full and is_part(part, word))}
            for part in parts
        ]
        if in_full and len(parts) == 1:
            positions |= said_apart(parts[0], words)
        if in_full and all(at for part, at in zip(parts, found, strict=True) if part not in _LINKS):
            positions.update(*found)
        elif not in_full:
            positions.update(
                *(
                    at
                    for part, at in zip(parts, found, strict=True)
                    if len(part) >= MIN_WORD and part not in verbs | _OF_LENGTH and not ANY_ADJECTIVE.fullmatch(part)
                )
            )
    return frozenset(positions)


def is_together(service: Service, words: Sequence[str]) -> bool:
    """Return whether one of a service's names is said as one phrase; also where no name has a word that may be left out.

    "Eine Beratung für Permanent-Make-up" is one, while "Permanent-Make-up und eine Beratung" may be two services.
    """
    names = [words_of(name) for name in names_of(service)]
    if not any(_LINKS.intersection(name) for name in names):
        return True
    runs: list[list[str]] = [[]]
    known = {part for name in names for part in name}
    for word in words:
        if word in _BETWEEN_PARTS or any(alike(part, word) for part in known):
            runs[-1].append(word)
        else:
            runs.append([])
    return any(
        all(part in _LINKS or any(alike(part, word) for word in run) for part in name) for name in names for run in runs
    )


def begins_name(word: str, service: Service) -> bool:
    """Return whether a word is the first part of a longer one in a service's names."""
    return any(part.startswith(word) and part != word for name in names_of(service) for part in words_of(name))


def find_said_exactly(service: Service, words: Sequence[str]) -> frozenset[int]:
    """Return the positions of words of this service's names, whatever their endings."""
    parts = {stem(part) for name in (service.name, *service.spoken_names) for part in words_of(name)}
    return frozenset(at for at, word in enumerate(words) if stem(word) in parts)
