"""The result of a desk request that is not carried out: the reason, and the closest free times."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import Slot


class ChangeRefusal(StrEnum):
    """The reasons why an appointment is not booked or moved, whatever time is chosen. The values are names of the API."""

    GONE = "gone"  # the appointment is cancelled, over, or was changed since
    REFUSED = "refused"  # by the calendar
    NOT_BOOKABLE = "not_bookable"  # the appointment's branch, service or person is not declared any more
    PHONE_NEEDED = "phone_needed"  # by the calendar


@dataclass(frozen=True, slots=True)
class NotDone:
    """A change that is not made. `cause` adds to a `reason` that does not explain enough; `free` are the closest free slots."""

    reason: Obstacle | ChangeRefusal
    cause: str | None = None
    free: Sequence[Slot] = ()
