"""How Cal.com tells of a booking: signed, at most once (reference §5)."""

import asyncio
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

from askproai_sandbox.calcom.account import HOME, Account, Booking, iso
from askproai_sandbox.calcom.requests import VERSION
from askproai_sandbox.simulator import Simulator, encode_json


def signature(secret: str | None, body: bytes) -> str:
    """Give `X-Cal-Signature-256`; without a secret it is a literal, which a receiver must refuse."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() if secret else "no-secret-provided"


def seconds(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def payload(b: Booking, extra: dict[str, Any]) -> dict[str, Any]:
    """Give a booking as a webhook tells it: times without milliseconds, status in capitals, unlike the API."""
    kind, who = b.event_type, b.attendee
    attendee = {**who, "firstName": who["name"], "language": {"locale": who["language"]}, "utcOffset": 60}
    answers = {name: {"label": name, "value": who[name], "isHidden": False} for name in ("name", "email")}
    organizer = {"id": 1, "name": kind.host, "username": kind.host, "email": f"{kind.host}@example.com",
                 "timeZone": str(HOME), "language": {"locale": "de"}, "timeFormat": "HH:mm", "utcOffset": 60}  # fmt: skip
    return {
        "uid": b.uid, "bookingId": b.id, "title": b.title, "description": "", "eventTypeId": kind.id,
        "location": "integrations:daily", "type": kind.fields["slug"], "eventTitle": kind.fields["title"],
        "startTime": seconds(b.start), "endTime": seconds(b.end), "length": (b.end - b.start) // timedelta(minutes=1),
        "status": b.status.upper(), "organizer": organizer, "attendees": [attendee], "responses": answers,
        "userFieldsResponses": {}, "customInputs": {}, "additionalNotes": "",
        "metadata": {**b.metadata, "videoCallUrl": f"https://video.example.com/{b.uid}"}, "price": 0, "currency": "usd",
        "requiresConfirmation": kind.needs_confirmation, "iCalUID": f"{b.uid}@Cal.com", **extra,
    }  # fmt: skip


async def tell(simulator: Simulator, account: Account, event: str, booking: Booking, **extra: Any) -> None:
    """Tell every webhook of a booking's change as it stands now."""
    await send(simulator, account, event, payload(booking, extra))


async def send(simulator: Simulator, account: Account, event: str, told: dict[str, Any]) -> None:
    """Send an event to every webhook that wants it: whatever it says to that, it is not told again."""
    body = encode_json({"triggerEvent": event, "createdAt": iso(simulator.clock.now()), "payload": told})
    delay = simulator.settings["webhook_delay_ms"] / 1000

    async def deliver(url: str, secret: str | None) -> None:
        await asyncio.sleep(max(0, delay))
        headers = {"X-Cal-Webhook-Version": VERSION, "X-Cal-Signature-256": signature(secret, body)}
        reply = await simulator.send("POST", url, body, headers)
        simulator.journal.delivery(event, url, reply.status)

    hooks = [h.fields for h in account.webhooks.values() if h.fields["active"] and event in h.fields["triggers"]]
    for hook in hooks * int(simulator.settings["webhook_copies"]):
        delivery = deliver(hook["subscriberUrl"], hook.get("secret"))
        if delay < 0:
            await delivery
        else:
            simulator.spawn(delivery)
