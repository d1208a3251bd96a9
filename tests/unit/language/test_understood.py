"""The words that are understood: each language has each key, each key is used, and each use has a key."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from askproai_core.languages import Language
from askproai_runtime.spoken_times.atoms import Op
from askproai_runtime.spoken_times.named_days import HOLIDAYS

RUNTIME = Path(__file__).parents[3] / "runtime/askproai_runtime"
LANGUAGES = {
    language: tomllib.loads((RUNTIME / f"understood/{language}.toml").read_text("utf-8")) for language in Language
}
GERMAN = LANGUAGES[Language.DE]
ALL_KEYS = {(section, key) for section, table in GERMAN.items() for key in table}
# Sections that are read as a whole, by their keys.
READ_WHOLE = {
    "beauty_services", "other_services", "meanings", "declared_subjects", "topics", "named_topics", "covered_words", "subjects",
    "operators", "parts", "holidays",
}  # fmt: skip
_USED = re.compile(r"\b(?:UNDERSTOOD|WORDS|understood|words)(?:_IN\[[^\]]+\])?\.([a-z_]+)\.(?!keys\b)([a-z_]+)")
_NAMED = re.compile(r"^(_[A-Z_]+)(?:: Final)? = UNDERSTOOD\.([a-z_]+)$", re.MULTILINE)


def list_uses() -> Iterator[tuple[Path, str, str]]:
    for file in sorted(RUNTIME.rglob("*.py")):
        source = file.read_text("utf-8")
        if not re.search(r"UNDERSTOOD|Understood|import .*\bWORDS\b", source):
            continue
        named = dict(_NAMED.findall(source))
        for found in _USED.finditer(source):
            if found[1] in GERMAN:
                yield file, found[1], found[2]
        for name, section in named.items():
            for key in re.findall(rf"(?<!\w){name}\.([a-z_]+)", source):
                yield file, section, key


@pytest.mark.parametrize("section", sorted(GERMAN))
def test_each_language_has_the_same_keys(section: str) -> None:
    tables = [words[section] for words in LANGUAGES.values()]
    assert [list(table) for table in tables] == [list(GERMAN[section])] * len(tables)
    for key in GERMAN[section]:
        assert len({type(table[key]) for table in tables}) == 1, key
        assert any(table[key] for table in tables), f"{key}: no language has words"


def test_each_language_has_each_section_of_words() -> None:
    assert all(words.keys() == GERMAN.keys() for words in LANGUAGES.values())


def test_named_days_and_operators_are_complete() -> None:
    assert list(GERMAN["holidays"]) == list(HOLIDAYS)
    assert {*GERMAN["operators"], "comma", "end"} == {op.name.lower() for op in Op}


def test_each_used_language_key_is_declared() -> None:
    assert [(str(file), section, key) for file, section, key in list_uses() if (section, key) not in ALL_KEYS] == []


def test_each_declared_language_key_is_used() -> None:
    used = {(section, key) for _, section, key in list_uses()}
    texts = [
        text for words in LANGUAGES.values() for table in words.values() for text in _list_texts([*table.values()])
    ]
    used |= {(section, key) for text in texts for section, key in re.findall(r"\{([a-z_]+)\.([a-z_]+)\}", text)}
    assert {(s, k) for s, k in ALL_KEYS - used if s not in READ_WHOLE} == set()


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=list(LANGUAGES))
def test_language_patterns_compile_without_capturing_groups(words: dict[str, dict[str, Any]]) -> None:
    for section, table in words.items():
        for key, value in table.items():
            for entry in value if isinstance(value, list) else ():
                assert re.compile(re.sub(r"\{[a-z_]+\.[a-z_]+\}", "x", entry)).groups == 0, f"{section}.{key}: {entry}"


def _list_texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for each in value for text in _list_texts(each)]
        case dict():
            return [text for each in value.values() for text in _list_texts(each)]
    return []
