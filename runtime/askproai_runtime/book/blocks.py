"""Blocks, as values."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Block:
    """A time that the tenant has taken from one person or several. `staff` has their entries, each `branch/staff`."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    reason: str
    in_force: bool
    staff: list[str]
    resource_ids: list[int]


@dataclass(frozen=True, slots=True)
class BlockedAppointment:
    """A live appointment within a block, and the number of its customer, if one is known."""

    id: UUID
    branch: str
    service: str
    staff: str
    starts_at: datetime
    ends_at: datetime
    customer_name: str
    phone: str | None
    notes: str | None
