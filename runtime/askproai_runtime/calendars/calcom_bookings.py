"""What Cal.com v2 tells of a booking, as values (reference calcom-stripe.md §4). Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from askproai_core.phone_numbers import caller_number_or_none
from askproai_runtime.calendars.types import Confirmed, Standing

_LIVE = frozenset({"accepted", "pending"})


def standing(booking: dict[str, Any], uids: Sequence[str]) -> Standing | None:
    """Read a booking; `uids` are those it is known by, its own first. None when it lacks what a booking has."""
    try:
        kind, starts, ends = booking["eventType"]["id"], booking["start"], booking["end"]
        starts_at, ends_at = datetime.fromisoformat(starts), datetime.fromisoformat(ends)
        told = booking.get("updatedAt") or booking.get("createdAt")
        at = datetime.fromisoformat(told) if told else None
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(kind, int):
        return None
    who = next((one for one in booking.get("attendees") or () if isinstance(one, dict)), {})
    before = booking.get("rescheduledFromUid")
    known = [*uids, *([before] if isinstance(before, str) and before not in uids else ())]
    return Standing(
        uids=tuple(known),
        event_type_id=kind,
        starts_at=starts_at,
        ends_at=ends_at,
        live=booking.get("status") in _LIVE,
        at=at,
        request_id=_uuid((booking.get("metadata") or {}).get("requestId")),
        pending=booking.get("status") == "pending",
        absent=any(one.get("absent") is True for one in booking.get("attendees") or ()),
        name=str(who.get("name") or "")[:200],
        phone=caller_number_or_none(who.get("phoneNumber")),
        email=who.get("email"),
    )


def confirmed(booking: Any) -> Confirmed | None:
    """Read the answer to a create or a move; None when it names no booking."""
    if not isinstance(booking, dict) or not isinstance(booking.get("uid"), str):
        return None
    found = standing(booking, (booking["uid"],))
    return Confirmed(booking["uid"], pending=booking.get("status") == "pending", at=found.at if found else None)


def _uuid(text: Any) -> UUID | None:
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError):
        return None
