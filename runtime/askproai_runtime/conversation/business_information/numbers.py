"""Numbers, amounts of money and clock times as they are spoken in the language of the present call. Pure.

In German they are spelled out, since a voice may misread digits and symbols. In other languages a voice reads digits correctly.
"""

from collections.abc import Sequence
from datetime import time
from decimal import Decimal

from askproai_core.languages import Language
from askproai_runtime.sentences import format_clock, present_language, say

_UNITS = (
    "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf", "dreizehn",
    "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
)  # fmt: skip
_TENS = ("", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
_DAY_MINUTES = 24 * 60


def spell_number(number: int) -> str:
    """Return a whole number from 0 to 999,999,999 in words."""
    if number < len(_UNITS):
        return _UNITS[number]
    if number < 100:  # noqa: PLR2004
        tens, unit = divmod(number, 10)
        return f"{spell_count(unit)}und{_TENS[tens]}" if unit else _TENS[tens]
    if number < 1000:  # noqa: PLR2004
        hundreds, rest = divmod(number, 100)
        return f"{spell_count(hundreds) if hundreds > 1 else ''}hundert{spell_number(rest) if rest else ''}"
    if number < 1_000_000:  # noqa: PLR2004
        thousands, rest = divmod(number, 1000)
        hundred = "ein" if rest // 100 == 1 else ""  # tausendeinhundert
        return f"{spell_count(thousands) if thousands > 1 else ''}tausend{hundred}{spell_number(rest) if rest else ''}"
    millions, rest = divmod(number, 1_000_000)
    words = "eine Million" if millions == 1 else f"{spell_number(millions)} Millionen"
    return f"{words} {spell_number(rest)}" if rest else words


def spell_count(number: int) -> str:
    """Return a number in the form before a noun: `ein`, `hundertein`, `zwei`."""
    words = spell_number(number)
    return words.removesuffix("s") if words.endswith("eins") else words


def spell_money(amount: str, currency: str) -> str:
    """Return an amount such as "39.50" (at most two decimals): `neununddreißig Euro fünfzig`, `45 euros`, `1 euro 50`."""
    whole, cents = divmod(int(Decimal(amount) * 100), 100)
    one, several, part, parts = say().currencies.get(currency, (currency,) * 4)
    if not whole:
        return f"{_say_count(cents)} {part if cents == 1 else parts}"
    said_cents = spell_number(cents) if _is_spelled() else f"{cents:02}"
    return f"{_say_count(whole)} {one if whole == 1 else several}{f' {said_cents}' if cents else ''}"


def _is_spelled() -> bool:
    return present_language() is Language.DE


def _say_count(number: int) -> str:
    return spell_count(number) if _is_spelled() else str(number)


def spell_minutes(minutes: int) -> str:
    """Return a length of time: `eine Minute`, `fünfundvierzig Minuten`."""
    number = spell_number(minutes) if _is_spelled() else str(minutes)
    return say().length_of_one_minute if minutes == 1 else say().length_in_minutes.format(number=number)


def spell_digits(text: str) -> str:
    """Return the characters of a postal code one by one, with digits as words. Commas make the voice pause."""
    parts = [say().digits[int(c)] if c.isdecimal() and c.isascii() else c for c in text if not c.isspace()]
    return ", ".join(parts)


def spell_ranges(ranges: Sequence[tuple[int, int]]) -> str:
    """Return ranges in minutes since midnight: `von acht bis zwölf Uhr und von vierzehn bis achtzehn Uhr`."""
    if list(ranges) == [(0, _DAY_MINUTES)]:
        return say().all_day
    spans = (
        say().hours_from_to.format(opens=spell_clock(first, short=True), closes=spell_clock(end))
        for first, end in ranges
    )
    return f" {say().and_word} ".join(spans)


def spell_clock(minute: int, *, short: bool = False) -> str:
    """Return a time of day in words: `achtzehn Uhr`, `neun Uhr dreißig`. With `short` a full hour has no `Uhr`."""
    hour, rest = divmod(minute, 60)
    if not _is_spelled():
        return say().midnight if minute == _DAY_MINUTES else format_clock(time(hour, rest))
    if rest:
        return f"{spell_count(hour)} Uhr {spell_number(rest)}"
    return spell_count(hour) if short else f"{spell_count(hour)} Uhr"
