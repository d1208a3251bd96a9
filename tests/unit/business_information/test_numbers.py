"""Numbers, prices and clock times in words."""

import pytest

from askproai_runtime.conversation.business_information.numbers import (
    spell_digits,
    spell_minutes,
    spell_money,
    spell_number,
    spell_ranges,
)
from askproai_runtime.spoken_times import NUMBERS, fold
from tests.worlds.rows import each_row


@each_row(
    ("number", "words"),
    [
        (0, "null"), (1, "eins"), (16, "sechzehn"), (17, "siebzehn"), (21, "einundzwanzig"), (30, "dreißig"),
        (66, "sechsundsechzig"), (77, "siebenundsiebzig"), (100, "hundert"), (101, "hunderteins"), (212, "zweihundertzwölf"),
        (1000, "tausend"), (1100, "tausendeinhundert"), (2019, "zweitausendneunzehn"), (21_001, "einundzwanzigtausendeins"),
        (101_000, "hunderteintausend"), (1_000_000, "eine Million"), (2_000_001, "zwei Millionen eins"),
    ],
)  # fmt: skip
def test_a_number_is_spelt_as_germans_say_it(number: int, words: str) -> None:
    assert spell_number(number) == words


def test_spelled_numbers_are_parsed_back() -> None:
    """The grammar of spoken times reads the same words."""
    assert [NUMBERS[fold(spell_number(number))] for number in range(100)] == list(range(100))


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("35.00", "EUR", "fünfunddreißig Euro"),
        ("39.50", "EUR", "neununddreißig Euro fünfzig"),
        ("1.00", "EUR", "ein Euro"),
        ("101.00", "EUR", "hundertein Euro"),
        ("0.90", "EUR", "neunzig Cent"),
        ("1.01", "EUR", "ein Euro eins"),
        ("89.00", "CHF", "neunundachtzig Franken"),
        ("20.50", "PLN", "zwanzig PLN fünfzig"),
    ],
)
def test_a_price_is_said_in_words(amount: str, currency: str, words: str) -> None:
    assert spell_money(amount, currency) == words


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ([(540, 1080)], "von neun bis achtzehn Uhr"),
        ([(480, 720), (840, 1080)], "von acht bis zwölf Uhr und von vierzehn bis achtzehn Uhr"),
        ([(570, 765)], "von neun Uhr dreißig bis zwölf Uhr fünfundvierzig"),
        ([(1260, 1440)], "von einundzwanzig bis vierundzwanzig Uhr"),
        ([(60, 180)], "von ein bis drei Uhr"),
        ([(0, 1440)], "rund um die Uhr"),
    ],
)
def test_hours_are_said_in_words(ranges: list[tuple[int, int]], words: str) -> None:
    assert spell_ranges(ranges) == words


def test_postal_codes_and_lengths_are_spoken_correctly() -> None:
    assert spell_digits("10119") == "eins, null, eins, eins, neun"
    assert spell_digits("SW1A 1AA") == "S, W, eins, A, eins, A, A"
    assert [spell_minutes(number) for number in (1, 45)] == ["eine Minute", "fünfundvierzig Minuten"]
