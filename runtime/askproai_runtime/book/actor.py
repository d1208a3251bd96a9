"""The actor of a change: a caller, or the desk."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

DESK_CALL: Final = "desk:"  # the prefix of `call_id` in the rows of a desk request


@dataclass(frozen=True, slots=True)
class DeskRequest:
    """A change that the desk requests through the private API. The sender generates `request_id`, and reuses it to retry. `by`
    is the user name that the sender claims.
    """

    request_id: UUID
    by: str

    @property
    def call_id(self) -> str:
        """Return the value that the rows of this change store in place of a call id."""
        return f"{DESK_CALL}{self.request_id}"


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller, or the desk if `desk` is set. The rows of the change and the actor's holds are stored under `call_id`."""

    call_id: str
    caller: str | None  # E.164; None when withheld
    correlation_id: str
    desk: DeskRequest | None = None

    @classmethod
    def of_desk(cls, desk: DeskRequest, correlation_id: str) -> "Actor":
        return cls(desk.call_id, None, correlation_id, desk)
