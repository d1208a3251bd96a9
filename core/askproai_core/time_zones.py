"""Which time zones this image knows. Apart from the clock, whose waiting needs asyncio: lint does without."""

from zoneinfo import ZoneInfo


def is_known_time_zone(name: str) -> bool:
    """Return whether this image has the rules of a time zone; the API server's database may have more names."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown; no path, or no file of rules; a folder
        return False
    return True
