"""Read the words of callers and models that are understood. A new language is a file with the same sections and keys.

Callers and models mix languages, so that in each call the words of all languages count: `UNDERSTOOD` has them together.
In a file, a list is one regular expression of alternatives without capturing groups, in which `{section.key}` inserts
another one; a text is a set of words; a table gives words a meaning.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from askproai_core.languages import Language

_Sections: TypeAlias = Mapping[str, Mapping[str, Any]]

_NAME: Final = re.compile(r"\{([a-z_]+)\.([a-z_]+)\}")


class Section:
    """A section of a file of understood words: by key a pattern, a set of words, or a mapping of words to meanings."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__") or key not in self._values:
            raise AttributeError(f"the words that are understood have no key {key}")
        return self._values[key]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in the order of the file."""
        return tuple(self._values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values.values())


class Understood:
    """The words that are understood from callers and models, in named sections, for one language or for all together."""

    def __init__(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        self._sections = {name: Section(values) for name, values in sections.items()}

    def __getattr__(self, name: str) -> Section:
        if name.startswith("__") or name not in self._sections:
            raise AttributeError(f"the words that are understood have no section {name}")
        return self._sections[name]


def _join_languages(read: Mapping[Language, _Sections]) -> Understood:
    """Return all languages' words merged key by key. All languages have the same keys."""
    sections = next(iter(read.values()))
    return Understood({
        section: {key: _join([each[section][key] for each in read.values()]) for key in table}
        for section, table in sections.items()
    })  # fmt: skip


def _read(language: Language) -> _Sections:
    """Return the values of a language's file, keyed by section and then by key."""
    tables = msgspec.toml.decode(Path(__file__).with_name(f"{language}.toml").read_bytes())

    def expand(value: object) -> object:
        match value:
            case str():
                return frozenset(value.split())
            case list():
                return _NAME.sub(lambda name: f"(?:{expand(tables[name[1]][name[2]])})", "|".join(value))
        return value

    return {section: {key: expand(value) for key, value in table.items()} for section, table in tables.items()}


def _join(values: list[Any]) -> Any:
    """Return the values of one key in several languages as one: a pattern of all alternatives, or all words and meanings."""
    match values[0]:
        case str():
            return "|".join(filter(None, values))
        case frozenset():
            return frozenset[str]().union(*values)
    return {word: meaning for each in values for word, meaning in each.items()}


_READ: Final = {language: _read(language) for language in Language}
UNDERSTOOD_IN: Final = {language: Understood(sections) for language, sections in _READ.items()}
UNDERSTOOD: Final = _join_languages(_READ)


def not_behind(words: Iterable[str]) -> str:
    """Return a pattern for a position that none of the words precedes (each followed by one space)."""
    return "".join(rf"(?<!\b{word} )" for word in sorted(words))
