"""The words that count in each call: each language has each key, and each key is used."""

import re
import tomllib
from pathlib import Path

from askproai_core.tenant_config import Language

PACKAGE = Path(__file__).parents[3] / "runtime/askproai_runtime/spoken_times"
WORDS = {
    language: tomllib.loads((PACKAGE / Path(language.words_file).stem / "words.toml").read_text("utf-8"))
    for language in Language
}
GERMAN = WORDS[Language.DE]


def test_each_grammar_language_has_the_same_keys() -> None:
    for words in WORDS.values():
        assert {section: list(table) for section, table in words.items()} == {
            section: list(table) for section, table in GERMAN.items()
        }


def test_each_key_has_words_of_one_kind() -> None:
    for section, table in GERMAN.items():
        for key in table:
            values = [words[section][key] for words in WORDS.values()]
            assert len({type(value) for value in values}) == 1, key
            assert any(values), f"{key}: no language has words"


def test_each_grammar_word_key_is_used() -> None:
    used = set[tuple[str, str]]()
    for file in PACKAGE.rglob("*.py"):
        source = file.read_text("utf-8")
        used |= set(re.findall(r"\bWORDS(?:_IN\[[^\]]*\])?\.([a-z_]+)\.([a-z_]+)", source))
        used |= set(re.findall(r"\)\]\.([a-z_]+)\.([a-z_]+)", source))
        for section in re.findall(r"^_WORDS = WORDS\.([a-z_]+)$", source, re.MULTILINE):
            used |= {(section, key) for key in re.findall(r"\b_WORDS\.([a-z_]+)", source)}
    assert {(section, key) for section, table in GERMAN.items() for key in table} == used & {
        (section, key) for section, table in GERMAN.items() for key in table
    }
