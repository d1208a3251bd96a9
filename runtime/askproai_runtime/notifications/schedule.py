"""The times at which reminders and the daily list are due, by local clocks. Pure."""

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from askproai_core.tenant_config.notifications import QuietHours

_DAY: Final = timedelta(days=1)
# A reminder that would fall into the quiet hours is sent before them, with some time to send it in.
_BEFORE_QUIET: Final = timedelta(minutes=30)
# A list that comes later than this is no news.
LATEST_LIST: Final = timedelta(hours=4)


def reminder_due(starts_at: datetime, minutes_before: int, quiet: QuietHours | None, zone: ZoneInfo) -> datetime:
    """Return the time at which a reminder of an appointment is due.

    Whole days before the start are counted on the calendar: the same hour a day before, also when the clocks change in between.
    A reminder that falls into the quiet hours is due before they begin, never later: the appointment may be right after them.
    """
    days, minutes = divmod(minutes_before, 24 * 60)
    local = starts_at.astimezone(zone)
    same_hour = datetime.combine(local.date() - days * _DAY, local.timetz().replace(tzinfo=None), zone)
    due = (same_hour.astimezone(UTC) - timedelta(minutes=minutes)).astimezone(zone)
    if quiet is None or not is_quiet(due, quiet):
        return due
    day = due.date() if due.time() >= quiet.begins else due.date() - _DAY
    return datetime.combine(day, quiet.begins, zone) - _BEFORE_QUIET


def is_quiet(local: datetime, quiet: QuietHours) -> bool:
    """Return True if a local time is within the quiet hours, which may extend past midnight."""
    at = local.time()
    if quiet.begins <= quiet.ends:
        return quiet.begins <= at < quiet.ends
    return at >= quiet.begins or at < quiet.ends


def until_end(local: datetime, quiet: QuietHours) -> timedelta:
    """Return the time from `local`, which is within the quiet hours, to the end of the quiet hours."""
    assert local.tzinfo is not None
    day = local.date() if local.time() < quiet.ends else local.date() + _DAY
    # When clocks go back, an end in the repeated hour is in the same pass as `local`.
    end = datetime.combine(day, quiet.ends, local.tzinfo).replace(fold=local.fold)
    return timedelta(seconds=end.timestamp() - local.timestamp())


def list_day(now: datetime, at: time, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return the local day (from midnight, to midnight) whose daily list is due at `now`; None if no list is due."""
    local = now.astimezone(zone)
    due = datetime.combine(local.date(), at, zone)
    if not timedelta() <= timedelta(seconds=now.timestamp() - due.timestamp()) < LATEST_LIST:
        return None
    return day_bounds(local, zone)


def day_bounds(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the midnights at which a local day begins and ends."""
    first = datetime.combine(local.date(), time(), zone)
    return first, datetime.combine(local.date() + _DAY, time(), zone)
