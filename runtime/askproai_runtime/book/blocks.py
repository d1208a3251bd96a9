"""Blocks, as values."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Block:
    """A span in which the tenant has blocked one or several persons. `staff` has their staff entries, each `branch/staff`."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    in_force: bool
    staff: list[str]
    resource_ids: list[int]


@dataclass(frozen=True, slots=True)
class BlockedAppointment:
    """A live appointment that overlaps a block, with the customer's phone number if it is known."""

    id: UUID
    branch: str
    service: str
    staff: str
    starts_at: datetime
    ends_at: datetime
    customer_name: str
    phone: str | None
    notes: str | None
