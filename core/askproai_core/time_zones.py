"""The time zones that this image knows, and their countries. This module imports no asyncio, so that lint starts faster."""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo


def is_known_time_zone(name: str) -> bool:
    """Return True if this image has the rules of a time zone. The API server may accept more names."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown; no path, or no file of rules; a folder
        return False
    return True


def country_of_zone(name: str) -> str | None:
    """Return the country (ISO 3166-1) of a time zone; None for an unknown zone, or a zone of no country, such as UTC."""
    return _countries().get(name)


@cache
def _countries() -> dict[str, str]:
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line and not line.startswith("#"))
    return {row[2]: row[0] for row in rows}
