"""Dates and times in the words that are read back to a caller, and in the digits that are shown to a person."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date


def spoken(start: datetime, zone: ZoneInfo) -> str:
    """Give `Freitag, den 27. November, um 14 Uhr 30`: the full date, so that a misheard day is noticed."""
    local = start.astimezone(zone)
    minutes = f" {local.minute}" if local.minute else ""
    return f"{spoken_day(local.date())}, um {local.hour} Uhr{minutes}"


def spoken_day(day: date) -> str:
    """Give `Freitag, den 27. November`."""
    return format_date(day, "EEEE, 'den' d. MMMM", locale="de_DE")


def written_day(day: date) -> str:
    """Give `Freitag, 27. November 2026`."""
    return format_date(day, "EEEE, d. MMMM y", locale="de_DE")
