"""The state of the task `calendar-poll` between runs: its watermark in the table `tasks`.

The workers write it, and the operator reads how far they came. A tenant's role may write anything there, so nobody relies on it.
"""

from datetime import datetime
from typing import Annotated

import msgspec

CALENDAR_POLL = "calendar-poll"

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class ImportState(msgspec.Struct, omit_defaults=True):
    """An import of the bookings to come that is not finished. `since` and `skip` are the position in the list by start.

    `counted` are the uids at that position which the next page shows again. Bookings after `news_since`, by Cal.com's clock, are
    news for notified people, none if that is not known.
    """

    event_types: list[int]
    since: datetime
    skip: Count = 0
    taken_in: Count = 0
    counted: list[str] = []
    news_since: datetime | None = None


class AccountState(msgspec.Struct, omit_defaults=True):
    """The state of one Cal.com account. `seen` is the newest change that was applied, by Cal.com's clock.

    `event_types` are those whose bookings to come are here, `taken_in` how many these were. `left` has, by uid, the change of each
    booking near `seen` that a sync job has to settle: the list shows it again, and it is no news while it does not change.
    """

    seen: datetime | None = None
    left: dict[str, datetime] = {}
    event_types: list[int] = []
    taken_in: Count = 0
    importing: ImportState | None = None


class PollState(msgspec.Struct, omit_defaults=True):
    """The accounts by name: "" is the tenant's own, others are named by the file with their key."""

    accounts: dict[str, AccountState] = {}
