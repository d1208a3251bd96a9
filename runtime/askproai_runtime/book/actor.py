"""Who asks the book for a change."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

DESK_CALL: Final = "desk:"  # so begins the `call_id` of what the desk has booked


@dataclass(frozen=True, slots=True)
class DeskRequest:
    """A change that the tenant asks for itself, by the private API. Its sender makes the id and repeats it when it tries again;
    `by` is who the sender says it is.
    """

    request_id: UUID
    by: str

    @property
    def call_id(self) -> str:
        """What stands in the place of a call's id in the rows of the change."""
        return f"{DESK_CALL}{self.request_id}"


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller, or with `desk` the tenant's own people: `call_id` stands in the rows of the change, and owns what they hold."""

    call_id: str
    caller: str | None  # E.164; None when withheld
    correlation_id: str
    desk: DeskRequest | None = None

    @classmethod
    def of_desk(cls, desk: DeskRequest, correlation_id: str) -> "Actor":
        return cls(desk.call_id, None, correlation_id, desk)
