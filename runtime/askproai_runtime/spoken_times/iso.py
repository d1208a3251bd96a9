"""Full dates with a time in ISO 8601, or as JavaScript and HTTP write them."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from askproai_runtime.input_values import require_storable

# `14.30` is half past two, where Python reads three tenths of a second.
_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:T|\s+)(?P<hour>\d\d)[:.](?P<minute>\d\d)(?P<seconds>:\d\d(?:[.,]\d{1,9})?)?"
    r"\s*(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)
# The same without signs: `20261216T143000Z`, `202612161430`. An epoch has ten, 13 or 16 digits.
_COMPACT = re.compile(r"^(20\d\d)(\d\d)(\d\d)(?:T|\s+)?([0-2]\d)([0-5]\d)([0-5]\d)?(?=$|\s|Z|[+-])", re.IGNORECASE)
# As JavaScript and HTTP write it: `Thu Dec 10 2026 14:00:00 GMT+0100 (CET)`, `Thu, 10 Dec 2026 13:00:00 GMT`.
_OF_PROGRAMS = re.compile(
    r"(?P<weekday>[A-Z][a-z]{2}),? (?:(?P<day>\d\d?) )?(?P<month>[A-Z][a-z]{2}) (?(day)|(?P<day_after>\d\d?) )(?P<year>\d{4})"
    r" (?P<clock>\d\d:\d\d:\d\d) ?(?:GMT|UTC)?(?P<offset>[+-]\d{4})?(?: \([^()]*\))?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BARE_HOUR = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d(?=Z?$)", re.IGNORECASE)
_SECONDS = re.compile(r"\d\d:?\d\d:?\d\d(?:[.,]\d+)?[+-]")  # a program writes them, and no range has them
_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class IsoInstant:
    """The local times that a full date and time can mean. `is_zoned`: its offset is the zone's own at that time."""

    readings: tuple[datetime, ...]
    is_zoned: bool

    @property
    def is_day(self) -> bool:
        """Return whether the time is midnight, local or in UTC: programs write a day without a time in this way."""
        return any(reading.time() == _MIDNIGHT for reading in self.readings)


def read_instant(text: str, zone: ZoneInfo) -> IsoInstant | None:
    """Return the possible meanings in a zone of a full date and time in ISO 8601; None for any other text.

    A time without an offset is local. An offset counts if the zone has it at that time. With `Z` or another offset, models
    mostly write local time, and programs mean that offset: both are readings. Hours after a minus are a range of hours
    (`08:00-09:00`), unless the zone has that offset. Raises `ValueError` and `OverflowError` for a date that no calendar has.
    """
    said = write_iso(text.strip()).rstrip(".!?/").removesuffix(f"[{zone.key}]").removesuffix(zone.key)
    found = _INSTANT.fullmatch(_BARE_HOUR.sub(r"\g<0>:00", _COMPACT.sub(_add_signs, said.strip())))
    if found is None:
        return None
    local = datetime.fromisoformat(f"{found['day']}T{found['hour']}:{found['minute']}:00").replace(tzinfo=zone)
    offset = found["offset"]
    if offset is None:
        return IsoInstant((local,), is_zoned=False)
    offset = "+00:00" if offset in {"Z", "z"} else f"{offset[:3]}:{offset[3:].strip(':') or '00'}"
    written = datetime.fromisoformat(f"{local:%Y-%m-%dT%H:%M}:00{offset}")
    converted = written.astimezone(zone)
    if converted.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0):
        return IsoInstant((converted,), is_zoned=True)
    if found["seconds"] is None and _is_range(written, zone):
        return None
    return IsoInstant((local, converted), is_zoned=False)


def parse_instant(text: str, zone: ZoneInfo) -> datetime:
    """Return the instant of a text in ISO 8601 with any offset; without an offset a local time, which has no `tzinfo`.

    Raises `ValueError` for any other text, such as a range of hours after a day (`2026-12-11T08:00-09:00`), and for a time that
    the database cannot store.
    """
    moment = require_storable(datetime.fromisoformat(text))
    if _SECONDS.search(text) is None and _is_range(moment, zone):
        raise ValueError("a range of hours is no instant")
    return moment


def _is_range(written: datetime, zone: ZoneInfo) -> bool:
    """Return whether `-09:00` after a time is the end of a range of hours (`08:00-09:00`), and not an offset of the zone."""
    offset = written.utcoffset()
    if offset is None or offset == written.astimezone(zone).utcoffset():
        return False
    return -offset > timedelta(hours=written.hour, minutes=written.minute)


def write_iso(text: str) -> str:
    """Return a date of JavaScript or HTTP in ISO 8601; any other text, and a date on another weekday, unchanged."""
    return _OF_PROGRAMS.sub(_write_iso, text)


def _write_iso(match: re.Match[str]) -> str:
    try:
        day = date(int(match["year"]), _MONTHS.index(match["month"]) + 1, int(match["day"] or match["day_after"]))
    except ValueError:  # no such month or day
        return match[0]
    is_on_weekday = _WEEKDAYS[day.weekday()] == match["weekday"]
    return f"{day}T{match['clock']}{match['offset'] or 'Z'}" if is_on_weekday else match[0]


def _add_signs(match: re.Match[str]) -> str:
    year, month, day, hour, minute, second = match.groups()
    return f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}"
