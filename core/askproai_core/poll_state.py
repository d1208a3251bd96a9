"""The state that the task `calendar-poll` keeps between runs: its watermark in the table `tasks`.

The workers write it; the operator reads their progress. Readers must not trust it: a tenant's role may write anything there.
"""

from datetime import datetime
from typing import Annotated

import msgspec

CALENDAR_POLL = "calendar-poll"

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class ImportState(msgspec.Struct, omit_defaults=True):
    """An unfinished import of future bookings from the remote calendar. It goes on at the start `since`, after `skip` bookings,
    in the list of bookings by start.

    `counted` are the uids at that position that the next page repeats. Bookings made after `news_since`, by the remote
    calendar's clock, are announced to notified people; if `news_since` is None, no bookings are announced.
    """

    event_types: list[int]
    since: datetime
    skip: Count = 0
    taken_in: Count = 0
    counted: list[str] = []
    news_since: datetime | None = None


class AccountState(msgspec.Struct, omit_defaults=True):
    """The state of one account of the remote calendar. `seen` is the time of the newest applied change, by the remote
    calendar's clock.

    `event_types` are the event types whose future bookings are imported, `taken_in` is the number of these bookings. `left`
    has the uids of bookings that changed near `seen` and still wait for a sync job, each with the time of its change. The
    next list repeats these bookings: one of them is news only if it has changed again.
    """

    seen: datetime | None = None
    left: dict[str, datetime] = {}
    event_types: list[int] = []
    taken_in: Count = 0
    importing: ImportState | None = None


class PollState(msgspec.Struct, omit_defaults=True):
    """The states of the accounts of the remote calendar, keyed "" for the tenant's own, otherwise by the mounted file with the
    account's key.
    """

    accounts: dict[str, AccountState] = {}
