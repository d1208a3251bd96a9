"""Numbers, amounts of money and clock times as they are spoken in the language of the present call. Pure.

In German they are spelled out, since a voice may misread digits and symbols. In English a voice reads digits correctly.
"""

from collections.abc import Sequence
from datetime import time
from decimal import Decimal

from askproai_core.tenant_config import Language
from askproai_runtime.sentences import format_clock, present_language, say

_UNITS = (
    "null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf", "dreizehn",
    "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
)  # fmt: skip
_TENS = ("", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
_CURRENCIES = {
    "EUR": ("Euro", "Cent"),
    "CHF": ("Franken", "Rappen"),
    "USD": ("Dollar", "Cent"),
    "GBP": ("Pfund", "Pence"),
}
# One and several of the whole, one and several of the parts.
_ENGLISH_CURRENCIES = {
    "EUR": ("euro", "euros", "cent", "cents"),
    "CHF": ("franc", "francs", "centime", "centimes"),
    "USD": ("dollar", "dollars", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
}
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
    """Return an amount such as "39.50" (at most two decimals): `neununddreißig Euro fünfzig`."""
    whole, cents = divmod(int(Decimal(amount) * 100), 100)
    if present_language() is Language.EN:
        return _english_money(whole, cents, currency)
    name, part = _CURRENCIES.get(currency, (currency, currency))
    if not whole:
        return f"{spell_count(cents)} {part}"
    return f"{spell_count(whole)} {name}{f' {spell_number(cents)}' if cents else ''}"


def _english_money(whole: int, cents: int, currency: str) -> str:
    """Return an amount in English: `45 euros`, `1 euro 50`, `50 cents`."""
    one, several, part, parts = _ENGLISH_CURRENCIES.get(currency, (currency,) * 4)
    if not whole:
        return f"{cents} {part if cents == 1 else parts}"
    return f"{whole} {one if whole == 1 else several}{f' {cents:02}' if cents else ''}"


def spell_minutes(minutes: int) -> str:
    """Return a length of time: `eine Minute`, `fünfundvierzig Minuten`."""
    if present_language() is Language.EN:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    return "eine Minute" if minutes == 1 else f"{spell_number(minutes)} Minuten"


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
    if present_language() is Language.EN:
        return "midnight" if minute == _DAY_MINUTES else format_clock(time(hour, rest))
    if rest:
        return f"{spell_count(hour)} Uhr {spell_number(rest)}"
    return spell_count(hour) if short else f"{spell_count(hour)} Uhr"
