"""Cal.com's webhooks: signed, and sent at most once (docs/vendors/calcom.md)."""

import asyncio
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

from askproai_sandbox.calcom.account import TIME_ZONE, Account, Booking, iso
from askproai_sandbox.calcom.requests import PAYLOAD_VERSION
from askproai_sandbox.simulator import Simulator, encode_json


def signature(secret: str | None, body: bytes) -> str:
    """Return the value of `X-Cal-Signature-256`; without a secret it is a constant, which a receiver must refuse."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() if secret else "no-secret-provided"


def iso_seconds(value: datetime) -> str:
    """Return an instant as webhooks have it: UTC, without milliseconds, with Z."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def booking_payload(b: Booking, extra: dict[str, Any]) -> dict[str, Any]:
    """Return a booking as webhooks have it. Unlike the API: times without milliseconds, the status in capitals."""
    event_type, person = b.event_type, b.attendee
    attendee = {**person, "firstName": person["name"], "language": {"locale": person["language"]}, "utcOffset": 60}
    responses = {name: {"label": name, "value": person[name], "isHidden": False} for name in ("name", "email")}
    host = event_type.host
    organizer = {"id": 1, "name": host, "username": host, "email": f"{host}@example.com", "utcOffset": 60,
                 "timeZone": str(TIME_ZONE), "language": {"locale": "de"}, "timeFormat": "HH:mm"}  # fmt: skip
    return {
        "uid": b.uid, "bookingId": b.id, "title": b.title, "description": "", "eventTypeId": event_type.id,
        "location": "integrations:daily", "type": event_type.fields["slug"], "eventTitle": event_type.fields["title"],
        "startTime": iso_seconds(b.start), "endTime": iso_seconds(b.end),
        "length": (b.end - b.start) // timedelta(minutes=1), "status": b.status.upper(), "organizer": organizer,
        "attendees": [attendee], "responses": responses, "userFieldsResponses": {}, "customInputs": {},
        "additionalNotes": "", "price": 0, "currency": "usd",
        "metadata": {**b.metadata, "videoCallUrl": f"https://video.example.com/{b.uid}"},
        "requiresConfirmation": event_type.needs_confirmation, "iCalUID": f"{b.uid}@Cal.com", **extra,
    }  # fmt: skip


async def send_booking(simulator: Simulator, account: Account, event: str, booking: Booking, **extra: Any) -> None:
    """Send an event with the present state of a booking to the account's webhooks."""
    await send(simulator, account, event, booking_payload(booking, extra))


async def send(simulator: Simulator, account: Account, event: str, payload: dict[str, Any]) -> None:
    """Send an event once to every active webhook that has it as a trigger; a failed delivery is only recorded."""
    body = encode_json({"triggerEvent": event, "createdAt": iso(simulator.clock.now()), "payload": payload})
    delay = simulator.settings["webhook_delay_ms"] / 1000

    async def deliver(url: str, secret: str | None) -> None:
        await asyncio.sleep(max(0, delay))
        headers = {"X-Cal-Webhook-Version": PAYLOAD_VERSION, "X-Cal-Signature-256": signature(secret, body)}
        reply = await simulator.send("POST", url, body, headers)
        simulator.journal.delivery(event, url, reply.status)

    hooks = [h.fields for h in account.webhooks.values() if h.fields["active"] and event in h.fields["triggers"]]
    for hook in hooks * int(simulator.settings["webhook_copies"]):
        delivery = deliver(hook["subscriberUrl"], hook.get("secret"))
        if delay < 0:
            await delivery
        else:
            simulator.run_in_background(delivery)
