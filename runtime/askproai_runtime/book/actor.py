"""The actor of a change: a caller, or the desk."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

DESK_CALL: Final = "desk:"  # the prefix of `call_id` in the rows of a desk request


@dataclass(frozen=True, slots=True)
class DeskRequest:
    """A change that the desk requests by the private API. The sender makes the id, and repeats it when it tries again. `by` is the
    user's name as the sender claims it.
    """

    request_id: UUID
    by: str

    @property
    def call_id(self) -> str:
        """Return the value that the rows of the change have in place of a call's id."""
        return f"{DESK_CALL}{self.request_id}"


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller, or with `desk` the desk. The rows of the change have `call_id`, to which the actor's holds belong."""

    call_id: str
    caller: str | None  # E.164; None when withheld
    correlation_id: str
    desk: DeskRequest | None = None

    @classmethod
    def of_desk(cls, desk: DeskRequest, correlation_id: str) -> "Actor":
        return cls(desk.call_id, None, correlation_id, desk)
