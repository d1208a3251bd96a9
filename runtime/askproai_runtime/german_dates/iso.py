"""Full dates with a time in ISO 8601, as programs and models write them."""

import re
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

# `14.30` is half past two, where Python reads three tenths of a second.
_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:T|\s+)(?P<hour>\d\d)[:.](?P<minute>\d\d)(?P<seconds>:\d\d(?:[.,]\d{1,9})?)?"
    r"\s*(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)
# The same without signs: `20261216T143000Z`, `202612161430`. An epoch has ten, 13 or 16 digits.
_COMPACT = re.compile(r"^(20\d\d)(\d\d)(\d\d)(?:T|\s+)?([0-2]\d)([0-5]\d)([0-5]\d)?(?=$|\s|Z|[+-])", re.IGNORECASE)
_MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class IsoInstant:
    """The local times that a full date and time can mean. `is_zoned`: its offset is the zone's own at that time."""

    readings: tuple[datetime, ...]
    is_zoned: bool

    @property
    def is_day(self) -> bool:
        """Whether it is at midnight, local or in UTC: so a program writes a day without a time."""
        return any(reading.time() == _MIDNIGHT for reading in self.readings)


def read_instant(text: str, zone: ZoneInfo) -> IsoInstant | None:
    """Return what a full date and time in ISO 8601 can mean in a zone; None for any other text.

    Without an offset it is local. An offset counts if the zone has it at that time. With `Z` and any other offset models mostly
    write local time, and programs mean that offset: both are readings. Hours behind a minus are a range of hours
    (`08:00-09:00`), unless the zone has that offset. Raises `ValueError` and `OverflowError` for a date that no calendar has.
    """
    written = text.strip().rstrip(".!?/").removesuffix(f"[{zone.key}]").removesuffix(zone.key)
    written = _COMPACT.sub(_add_signs, written.strip())
    found = _INSTANT.fullmatch(written)
    if found is None:
        return None
    local = datetime.fromisoformat(f"{found['day']}T{found['hour']}:{found['minute']}:00").replace(tzinfo=zone)
    offset = found["offset"]
    if offset is None:
        return IsoInstant((local,), is_zoned=False)
    offset = "+00:00" if offset in {"Z", "z"} else f"{offset[:3]}:{offset[3:].strip(':') or '00'}"
    converted = datetime.fromisoformat(f"{local:%Y-%m-%dT%H:%M}:00{offset}").astimezone(zone)
    if converted.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0):
        return IsoInstant((converted,), is_zoned=True)
    if offset.startswith("-") and found["seconds"] is None and offset[1:] > f"{local:%H:%M}":
        return None
    return IsoInstant((local, converted), is_zoned=False)


def _add_signs(match: re.Match[str]) -> str:
    year, month, day, hour, minute, second = match.groups()
    return f"{year}-{month}-{day}T{hour}:{minute}:{second or '00'}"
