"""Steps of tests of the Cal.com simulator: create event types, book, and ask for free slots."""

from typing import Any

from sandbox_clients import Api, Receiver

AT = "2026-11-27T13:30:00Z"  # the Friday after the clock's, 14:30 in Berlin
ATTENDEE = {"name": "Erika Mustermann", "timeZone": "Europe/Berlin", "email": "call+1@salon.example", "language": "de"}
BOOKINGS, SLOTS, EVENT_TYPES = "2024-08-13", "2024-09-04", "2024-06-14"  # the versions of the endpoints


TRIGGERS = ["BOOKING_CREATED", "BOOKING_REQUESTED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_NO_SHOW_UPDATED",
            "OOO_CREATED"]  # fmt: skip
HOOK = {"triggers": TRIGGERS, "active": True, "secret": "geheim"}


async def seed(calcom: Api, number: int = 1001, **fields: Any) -> dict[str, Any]:
    names = {"lengthInMinutes": 45, "title": "Haarschnitt", "slug": f"schnitt-{number}"}
    return await calcom("POST", "/_sim/event-types", {"key": calcom.key, "id": number, **names, **fields}, expect=201)


def booking_body(**fields: Any) -> dict[str, Any]:
    return {"eventTypeId": 1001, "start": AT, "attendee": ATTENDEE, **fields}


async def book(calcom: Api, expect: int = 201, **fields: Any) -> Any:
    return await calcom("POST", "/v2/bookings", booking_body(**fields), expect=expect, version=BOOKINGS)


def message(body: dict[str, Any]) -> str:
    return body["error"]["message"] if "error" in body else body["message"]


async def slots(calcom: Api, start: str = "2026-11-27", end: str = "2026-11-27", **query: Any) -> dict[str, Any]:
    query = {"eventTypeId": 1001, "timeZone": "Europe/Berlin", "start": start, "end": end, **query}
    return (await calcom("GET", "/v2/slots", version=SLOTS, **query))["data"]


async def starts(calcom: Api, start: str = "2026-11-27", end: str = "2026-11-27", **query: Any) -> list[str]:
    """Return the times of the slots of all days, in the requested zone, as `HH:MM`."""
    days = await slots(calcom, start, end, **query)
    return [slot["start"][11:16] for day in days.values() for slot in day]


async def control(calcom: Api, name: str, *, expect: int = 201, **fields: Any) -> Any:
    """Send a request to a control path of the simulator, for the account of the key."""
    return await calcom("POST", f"/_sim/{name}", {"key": calcom.key, **fields}, expect=expect)


async def hook(calcom: Api, receiver: Receiver, path: str = "/hook", **settings: float) -> None:
    """Let the simulator send its webhooks to the receiver, with these settings."""
    await calcom("POST", "/v2/webhooks", {**HOOK, "subscriberUrl": f"{receiver.url}{path}"}, expect=201)
    await calcom("POST", "/_sim/settings", settings)
