"""The words of callers and models that are understood, by language: `german.toml` and `english.toml`, as regular expressions.

Callers and models mix languages, so that the words of all languages count in each call: `UNDERSTOOD` has them together. A new
language is a new file with the same keys, and a line in `_FILES`.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from askproai_core.tenant_config import Language
from askproai_runtime.language.understood_words import Understood

_FILES: Final = {Language.DE: "german.toml", Language.EN: "english.toml"}
_NAME: Final = re.compile(r"\{([a-z_]+)\.([a-z_]+)\}")


def _read(file: str) -> dict[str, dict[str, Any]]:
    """Return the words of a file: each list as one alternation, `{section.key}` in it as a group, and each text as its words."""
    tables = msgspec.toml.decode(
        b"".join(p.read_bytes() for p in sorted(Path(__file__).parent.glob(file.replace(".", "*."))))
    )

    def expand(value: object) -> object:
        if isinstance(value, str):
            return value.split()
        if not isinstance(value, list):
            return value
        return _NAME.sub(lambda name: f"(?:{expand(tables[name[1]][name[2]])})", "|".join(value))

    return {section: {key: expand(value) for key, value in table.items()} for section, table in tables.items()}


def _join(tables: list[Any]) -> Any:
    """Return the same tables of several languages as one: alternatives of each, words and meanings of all."""
    match tables[0]:
        case str():
            return "|".join(filter(None, tables))
        case frozenset():
            return frozenset[str]().union(*tables)
        case Mapping():
            return {word: meaning for table in tables for word, meaning in table.items()}
        case first:
            return type(first)(
                **{name: _join([getattr(each, name) for each in tables]) for name in first.__struct_fields__}
            )


UNDERSTOOD_IN: Final[Mapping[Language, Understood]] = {
    language: msgspec.convert(_read(file), Understood) for language, file in _FILES.items()
}
UNDERSTOOD: Final[Understood] = _join(list(UNDERSTOOD_IN.values()))


def not_behind(words: Iterable[str]) -> str:
    """Return a pattern that matches where none of the words, with one space, is before."""
    return "".join(rf"(?<!\b{word} )" for word in sorted(words))
