"""Bookings and changes that guests make at Cal.com by themselves."""

from typing import Any

from tests.worlds.booking_environment import booking_args, call
from tests.worlds.calcom_environment import CalcomEnvironment

FOUR, FOUR_UTC = "2026-11-27T16:00:00+01:00", "2026-11-27T15:00:00Z"

GUEST = {
    "name": "Karl Hoffmann", "email": "karl@example.com", "timeZone": "Europe/Berlin", "phoneNumber": "+4915177777777",
}  # fmt: skip


async def book(env: CalcomEnvironment, **args: Any) -> str:
    """Book Anna at half past two; return the uid of the remote booking."""
    answer = await env.salon.booking.book_appointment(call(), booking_args(staff="anna", **args))
    assert answer.success
    return str(env.bookings[-1]["uid"])


async def create(env: CalcomEnvironment, start: str = FOUR_UTC, event_type: int = 1001, **fields: Any) -> str:
    """Book as a guest at Cal.com; return the uid."""
    remote = await env.dashboard("create", eventTypeId=event_type, start=start, attendee=GUEST, **fields)
    return str(remote["uid"])
