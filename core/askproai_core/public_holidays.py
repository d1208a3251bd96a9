"""The public holidays of the package `holidays`, and checks of a country's and subdivision's code. The package is imported at
its first use, because a worker never uses it.
"""

import sys
from datetime import date
from functools import cache, lru_cache
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, NamedTuple

# Usual German abbreviations of states and the United Kingdom that differ from ISO 3166.
_COUNTRIES = {"EN": "GB"}
_SUBDIVISIONS = {
    "DE": {
        "BAW": "BW", "BAY": "BY", "BER": "BE", "BRA": "BB", "BRB": "BB", "BRE": "HB", "HAM": "HH", "HES": "HE", "LSA": "ST",
        "MVP": "MV", "NDS": "NI", "NIE": "NI", "NRW": "NW", "RLP": "RP", "SAA": "SL", "SAC": "SN", "SHO": "SH", "THU": "TH",
    },
}  # fmt: skip


class HolidayProblem(NamedTuple):
    """The wrong value in a field of `holidays`, and the right one."""

    field: str  # `country` or `subdivision`
    message: str


def public_holidays(country: str, subdivision: str | None, year: int, *, in_english: bool = False) -> dict[date, str]:
    """Return the public holidays of a year by date. Names are German or English for DE, AT and CH, else in the country's
    language.

    Raises `NotImplementedError` for a country or subdivision that the package does not know.
    """
    language = ("en_US" if in_english else "de") if country in {"DE", "AT", "CH"} else None
    return dict(_library().country_holidays(country, subdiv=subdivision, years=year, language=language))


@lru_cache(maxsize=1024)  # each run of a Branch asks, and the answer takes half a millisecond
def find_holiday_problem(country: str, subdivision: str | None) -> HolidayProblem | None:
    """Return the error in a country or its subdivision; None if the package knows their holidays."""
    library = _library()
    try:
        known = library.country_holidays(country)
    except NotImplementedError:
        initial = country[:1]
        alike = [
            code
            for code in sorted(library.list_supported_countries())
            if code.startswith(initial) and len(code) == len("DE")
        ]
        others = f"; with {initial} there are {', '.join(alike)}" if alike else ""
        written = f"write {_COUNTRIES.get(country) or f'the code of ISO 3166-1, such as DE, AT or CH{others}'}"
        return HolidayProblem("country", f"{country} is no country whose holidays are known; {written}")
    try:
        library.country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        listed = _list_codes(known)
        meant = _SUBDIVISIONS.get(country, {}).get(str(subdivision))
        written = f"write {meant} ({listed})" if meant else f"write {listed}"
        return HolidayProblem("subdivision", f"{subdivision} is no subdivision of {country}; {written}")
    return None


@lru_cache(maxsize=256)
def suggest_subdivision(country: str, written: str) -> str | None:
    """Return how to correct `written`, which is no subdivision code: `write SN`, or all codes. None for an unknown country."""
    try:
        known = _library().country_holidays(country)
    except NotImplementedError:
        return None
    by_name = {name.casefold(): code for name, code in known.subdivisions_aliases.items()}
    code = by_name.get(written.strip().casefold())
    return f"write {code}" if code in _codes(known) else f"write {_list_codes(known)}"


def _codes(known: Any) -> list[str]:
    """Return the codes of a country's subdivisions, without the cities that the package lists among them."""
    return sorted(code for code in known.subdivisions if len(code) <= 3 and code == code.upper())  # noqa: PLR2004


def _list_codes(known: Any) -> str:
    codes = ", ".join(_codes(known))
    return f"one of {codes}" if codes else "none: only holidays of the whole country are known"


@cache
def _library() -> ModuleType:
    """Import the package `holidays` without the rules of all countries, which would cost each web process 8 MB and 0.1 s.

    The `__init__` of `holidays.countries` imports all rules. Here that package is registered without running its `__init__`, so
    that a country's rules are imported when that country is first asked for.
    """
    name = "holidays.countries"
    if name not in sys.modules and (spec := find_spec(name)) is not None:
        sys.modules[name] = module_from_spec(spec)
    import holidays  # noqa: PLC0415 - see the module

    return holidays
