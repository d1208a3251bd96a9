"""Every language has every sentence, with the same placeholders, and no sentence for callers is in code."""

import ast
import re
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.languages import Language
from askproai_runtime.conversation.business_information.numbers import spell_minutes, spell_money, spell_ranges
from askproai_runtime.conversation.business_information.subjects import subject_patterns
from askproai_runtime.conversation.email_address import spell_email
from askproai_runtime.language.placeholders import names_nothing
from askproai_runtime.notifications.words import Words as NoticeWords
from askproai_runtime.person_names import names_person
from askproai_runtime.sentences import SENTENCES, Sentences, decline_name, format_spoken, say, speaking
from tests.worlds.rows import each_row

RUNTIME = Path(__file__).parents[3] / "runtime/askproai_runtime"
PACKAGES = ("book", "calls", "conversation", "desk", "spoken_times", "language")
# Texts of Cal.com's calendar, a reference table, times that the code writes for the grammar, and numbers in words.
NOT_SAID_TO_CALLERS = {
    "book/remote.py",
    "conversation/arguments/parts.py",
    "conversation/arguments/table.py",
    "conversation/business_information/numbers.py",
}
LETTERS = re.compile("a-zäöüß|A-ZÄÖÜ")
GERMAN_WORDS = re.compile(
    r"[äöüÄÖÜß„]|\b(?:Sie|Ihre?n?|ich|Termine?|nicht|ist|Uhr|bei|und|oder|um|ab|bis|von|der|die|das|den|haben|Soll|Meinen"
    r"|gegen|mit|nach|vor|zum|zur|heute|morgen|bitte|keine?|noch|schon|wird|auf|einen?|eine)\b"
)
NAMES = Sentences.__struct_fields__
TEMPLATES = [name for name in NAMES if isinstance(getattr(SENTENCES[Language.DE], name), str)]


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def test_every_language_has_a_catalogue():
    assert set(SENTENCES) == set(Language)


@each_row("name", TEMPLATES)
def test_sentence_has_the_same_placeholders_in_every_language(name):
    german, english = (getattr(SENTENCES[language], name) for language in (Language.DE, Language.EN))
    assert german.strip()
    assert english.strip()
    assert placeholders(german) == placeholders(english)
    # A part that is joined to another sentence, or put into one, is so in both languages.
    assert [text[:1] == " " for text in (german, english)] in ([True, True], [False, False])
    assert german.endswith("?") == english.endswith("?")


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(TEMPLATES)))
def test_name_lists_have_equal_entries_in_every_language(name):
    german, english = (getattr(SENTENCES[language], name) for language in (Language.DE, Language.EN))
    if isinstance(german, msgspec.Struct):
        assert "" not in {*msgspec.structs.astuple(german), *msgspec.structs.astuple(english)}
        return
    assert len(german) == len(english)
    if isinstance(german, dict):
        assert german.keys() == english.keys()


def test_subjects_have_patterns_in_every_language():
    for language, sentences in SENTENCES.items():
        with speaking(language):
            assert subject_patterns().keys() == sentences.subjects_not_known.keys()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("package", "kind"), [("sentences", Sentences), ("notifications", NoticeWords)])
def test_missing_or_unknown_catalogue_key_is_refused(package, kind, language):
    words = tomllib.loads((RUNTIME / package / f"{language}.toml").read_text("utf-8"))
    name = next(iter(words))
    with pytest.raises(msgspec.ValidationError, match=name):
        msgspec.convert({key: value for key, value in words.items() if key != name}, kind)
    with pytest.raises(msgspec.ValidationError, match="unknown field `colour`"):
        msgspec.convert({**words, "colour": "blue"}, kind)


def said(tree: ast.Module) -> list[ast.Constant]:
    """Return the texts of a module without its docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


def test_no_german_sentence_is_left_in_answering_code():
    grammar = set((RUNTIME / "spoken_times").rglob("*.py")) - {RUNTIME / "spoken_times/readings.py"}
    files = [file for package in PACKAGES for file in (RUNTIME / package).rglob("*.py") if file not in grammar]
    left = [
        f"{file.relative_to(RUNTIME)}:{node.lineno}: {node.value}"
        for file in files
        if str(file.relative_to(RUNTIME)) not in NOT_SAID_TO_CALLERS
        for node in said(ast.parse(file.read_text("utf-8")))
        if " " in node.value and GERMAN_WORDS.search(LETTERS.sub("", node.value))
    ]
    assert left == [], "\n".join(left)


def test_calls_use_their_language_and_others_german():
    start = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    now, zone = datetime(2026, 11, 20, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    with speaking(Language.EN):
        assert format_spoken(start, zone, now) == "Tuesday, 24 November at 10:30 am"
        assert say().busy.startswith("This is taking longer")
    assert format_spoken(start, zone, now) == "Dienstag, den 24. November, um 10 Uhr 30"


def test_prices_hours_and_addresses_are_said_in_english():
    with speaking(Language.EN):
        assert [spell_money(amount, "EUR") for amount in ("45.00", "1.00", "39.50", "0.50", "12.05")] == [
            "45 euros", "1 euro", "39 euros 50", "50 cents", "12 euros 05"
        ]  # fmt: skip
        assert spell_money(str(Decimal(20)), "GBP") == "20 pounds"
        assert spell_minutes(45) == "45 minutes"
        assert spell_ranges([(480, 720), (840, 1110)]) == "from 8 am to 12 pm and from 2 pm to 6:30 pm"
        assert spell_email("anna.m@gmx.de") == "A, N, N, A, dot, M, at gmx dot de"


def test_english_titles_and_words_for_nothing_are_known():
    assert names_person("Mrs Sommer", "Frau Sommer")
    assert not names_person("Mr Sommer", "Frau Sommer")
    assert names_person("with Doctor Sommer", "Dr. Lena Sommer")
    assert all(names_nothing(said) for said in ("not given", "no callback needed", "nobody", "no preference"))
    assert not names_nothing("tomorrow after ten")


@pytest.mark.parametrize(
    ("name", "german"),
    [
        ("Herr Yilmaz", "Herrn Yilmaz"), ("Herr Dr. Sommer", "Herrn Dr. Sommer"), ("Frau Yilmaz", "Frau Yilmaz"), ("Anna", "Anna"),
        ("Herrmann", "Herrmann"), ("Herrn Yilmaz", "Herrn Yilmaz"), ("Herr", "Herr"), ("Anna Herr", "Anna Herr"), ("", ""),
    ],
)  # fmt: skip
def test_herr_is_declined_after_a_preposition(name, german):
    assert decline_name(name) == german
    assert decline_name(name, Language.EN) == name
    with speaking(Language.EN):
        assert (decline_name(name), decline_name(name, Language.DE)) == (name, german)
