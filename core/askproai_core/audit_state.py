"""The state that the task `calendar-audit` keeps between runs, including the differences found. It is stored as the task's
watermark in the table `tasks`.

The workers write it; the operator and the private API read it. Readers must not trust it, because a tenant's role may write
anything there. It holds no name, phone number or e-mail address of a customer.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

CALENDAR_AUDIT = "calendar-audit"
MAX_DIFFERENCES = 100  # of a tenant, the oldest ones: a watermark has up to 200,000 characters
MAX_REASON = 300
MAX_OTHERS = 10
_YEARS = range(2000, 2200)  # other years cannot be converted to every time zone

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class DifferenceSort(StrEnum):
    """How an appointment and the bookings of the remote calendar can differ."""

    MISSING_THERE = "missing_there"  # confirmed here; its booking is unknown there
    MISSING_HERE = "missing_here"  # a live booking there, unknown here
    MOVED = "moved"  # live in both, at different times
    DOUBLED = "doubled"  # two live bookings of one appointment, or two appointments with one booking
    CANCELLED_THERE = "cancelled_there"  # live here, cancelled there
    CANCELLED_HERE = "cancelled_here"  # cancelled or given up here, live there
    UNREADABLE = "unreadable"  # its booking there cannot be read
    OVERLAPPING = "overlapping"  # like MISSING_HERE, during an appointment of the same person


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A difference between our book and the remote calendar that no rule decides: a person must decide.

    `position` is the start time at which the audit found it; the slice of the audit that contains that time finds it again.
    `here` and `there` are the start times in our book and in the remote calendar. `others` are the ids of further appointments
    in the difference, `other_uid` is a further booking in the remote calendar. `state` is a digest of the data that the rules
    have judged.
    """

    sort: DifferenceSort
    account: str
    position: Instant
    since: Instant
    event_type: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    appointment: UUID | None = None
    uid: str | None = None
    here: Instant | None = None
    there: Instant | None = None
    others: list[Annotated[str, msgspec.Meta(max_length=200)]] = []
    other_uid: str | None = None
    reason: Annotated[str, msgspec.Meta(max_length=MAX_REASON)] = ""
    state: str = ""

    def __post_init__(self) -> None:
        _require_plausible_year(self.position, self.since, self.here, self.there)

    @property
    def key(self) -> tuple[str, str]:
        """Return the identity of this difference. It is the same in every run of the audit, whichever slice finds it."""
        is_doubled = self.sort is DifferenceSort.DOUBLED
        return "doubled" if is_doubled else "one", str(self.appointment or self.uid)


class AuditedAccount(msgspec.Struct, omit_defaults=True):
    """The progress of the audit through one account of the remote calendar. `position` is the start time at which the next
    slice begins, None at the start of a round. `compared_at` is the end of the last full round, by our clock.
    """

    position: Instant | None = None
    compared_at: Instant | None = None

    def __post_init__(self) -> None:
        _require_plausible_year(self.position, self.compared_at)


class AuditState(msgspec.Struct, omit_defaults=True):
    """The audit's state: the remote accounts, named as in `PollState`, and up to `MAX_DIFFERENCES` present differences."""

    accounts: dict[str, AuditedAccount] = {}
    differences: list[Difference] = []

    @property
    def compared_at(self) -> datetime | None:
        """Return the earliest time at which an account's last full round ended; None until all accounts have had one."""
        ends = [each.compared_at for each in self.accounts.values()]
        return min((end for end in ends if end), default=None) if all(ends) else None


def decode_audit_state(watermark: str) -> AuditState:
    """Return the audit's state from a watermark (JSON). A malformed watermark gives an empty state."""
    try:
        return msgspec.json.decode(watermark, type=AuditState)
    except msgspec.DecodeError:
        return AuditState()


def _require_plausible_year(*instants: datetime | None) -> None:
    """Raise `ValueError` if an instant's year is implausible: a tenant's role may write any instant into a watermark."""
    if any(each is not None and each.year not in _YEARS for each in instants):
        raise ValueError("an instant is too far away")
