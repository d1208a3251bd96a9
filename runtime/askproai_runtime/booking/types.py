"""What the calls room hands to the booking room, and what comes back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CallContext:
    """The call that asks, already verified and routed. `branch` is a branch's name in the config.

    `started_at` anchors relative dates ("morgen"), not the time of processing. `caller` is E.164, None when withheld.
    """

    call_id: str
    branch: str
    caller: str | None
    started_at: datetime
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call function answers: always HTTP 200, since Retell shows the model no other body."""

    success: bool
    message: str  # a German sentence to say
    fields: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"success": self.success, "message": self.message, **self.fields}
