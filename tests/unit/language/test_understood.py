"""The words that are understood: each language has each key, each key is used, and each use has a key."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RUNTIME = Path(__file__).parents[3] / "runtime/askproai_runtime"
GERMAN, ENGLISH = (
    tomllib.loads((RUNTIME / "language" / file).read_text("utf-8")) for file in ("german.toml", "english.toml")
)
ALL_KEYS = {(section, key) for section, table in GERMAN.items() for key in table}
# Sections that are read as a whole, by their keys.
READ_WHOLE = {
    "beauty_services", "other_services", "meanings", "declared_subjects", "topics", "named_topics", "covered_words", "subjects",
}  # fmt: skip
_USED = re.compile(r"\b(?:UNDERSTOOD|understood|words)(?:_IN\[[^\]]+\])?\.([a-z_]+)\.(?!keys\b)([a-z_]+)")
_NAMED = re.compile(r"^(_[A-Z_]+)(?:: Final)? = UNDERSTOOD\.([a-z_]+)$", re.MULTILINE)


def list_uses() -> Iterator[tuple[Path, str, str]]:
    for file in sorted(RUNTIME.rglob("*.py")):
        source = file.read_text("utf-8")
        named = dict(_NAMED.findall(source))
        if "UNDERSTOOD" not in source:
            continue
        for found in _USED.finditer(source):
            if found[1] in GERMAN:
                yield file, found[1], found[2]
        for name, section in named.items():
            for key in re.findall(rf"(?<!\w){name}\.([a-z_]+)", source):
                yield file, section, key


@pytest.mark.parametrize("section", sorted(GERMAN))
def test_both_languages_have_the_same_keys(section: str) -> None:
    assert list(GERMAN[section]) == list(ENGLISH[section])
    for key, german in GERMAN[section].items():
        assert type(german) is type(ENGLISH[section][key]), key
        assert german or ENGLISH[section][key], f"{key}: no language has words"


def test_each_language_has_each_section_of_words() -> None:
    assert GERMAN.keys() == ENGLISH.keys()


def test_each_used_language_key_is_declared() -> None:
    assert [(str(file), section, key) for file, section, key in list_uses() if (section, key) not in ALL_KEYS] == []


def test_each_declared_language_key_is_used() -> None:
    used = {(section, key) for _, section, key in list_uses()}
    texts = [text for words in (GERMAN, ENGLISH) for table in words.values() for text in _list_texts([*table.values()])]
    used |= {(section, key) for text in texts for section, key in re.findall(r"\{([a-z_]+)\.([a-z_]+)\}", text)}
    assert {(s, k) for s, k in ALL_KEYS - used if s not in READ_WHOLE} == set()


@pytest.mark.parametrize("words", [GERMAN, ENGLISH], ids=["german", "english"])
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
