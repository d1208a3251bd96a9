"""Cal.com's webhooks: signed, and sent at most once (docs/vendors/calcom.md)."""

import asyncio
import functools
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from askproai_sandbox.calcom.account import Account, Booking, Delivery
from askproai_sandbox.calcom.hosts import Absence, Host, iso
from askproai_sandbox.calcom.requests import PAYLOAD_VERSION
from askproai_sandbox.simulator import Simulator, encode_json


def signature(secret: str | None, body: bytes) -> str:
    """Return the value of `X-Cal-Signature-256`; without a secret it is a constant, which a receiver must refuse."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() if secret else "no-secret-provided"


def iso_seconds(value: datetime) -> str:
    """Return an instant in the form of webhooks: UTC, without milliseconds, with Z."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def booking_payload(b: Booking, extra: dict[str, Any]) -> dict[str, Any]:
    """Return a booking in the form of webhooks. Unlike the API: times without milliseconds, the status in capitals."""
    event_type, person = b.event_type, b.attendee
    attendee = {**person, "firstName": person["name"], "language": {"locale": person["language"]}, "utcOffset": 60}
    responses = {name: {"label": name, "value": person[name], "isHidden": False} for name in ("name", "email")}
    host = b.host
    organizer = {"id": host.id, "name": host.name, "username": host.name, "email": f"{host.name}@example.com",
                 "utcOffset": 60, "timeZone": str(host.time_zone), "language": {"locale": "de"},
                 "timeFormat": "HH:mm"}  # fmt: skip
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
    """Send an event with a booking's present state to the account's webhooks.

    A user's webhooks get no events of a team's event types. Webhooks of single event types are not simulated.
    """
    if booking.event_type.scheduling is not None:
        return
    await send(simulator, account, event, booking_payload(booking, extra))


def absence_payload(absence: Absence, host: Host, now: str) -> dict[str, Any]:
    """Return an absence as the webhook OOO_CREATED has it: dates in the host's time zone, with the zone's offset.

    `now` is when the absence was entered or changed.
    """
    start, end = (
        value.replace(tzinfo=host.time_zone).isoformat(timespec="seconds") for value in (absence.start, absence.end)
    )
    user = {"id": host.id, "name": host.name, "username": host.name, "email": f"{host.name}@example.com",
            "timeZone": str(host.time_zone)}  # fmt: skip
    return {"oooEntry": {
        "id": absence.id, "uuid": absence.uid, "start": start, "end": end, "createdAt": now,
        "updatedAt": now, "notes": absence.notes, "reason": {"reason": absence.reason, "emoji": ""}, "reasonId": 1,
        "user": user, "toUser": None,
    }}  # fmt: skip


async def send(simulator: Simulator, account: Account, event: str, payload: dict[str, Any]) -> None:
    """Send an event to every active webhook that is triggered by it. A failed delivery is only recorded.

    The setting `webhook_copies` loses or doubles the event. If `webhook_batch` exceeds 1, that many events are collected, and
    the newest is sent first.
    """
    body = encode_json({"triggerEvent": event, "createdAt": iso(simulator.clock.now()), "payload": payload})
    delay, batch = simulator.settings["webhook_delay_ms"] / 1000, simulator.settings["webhook_batch"]

    async def deliver(url: str, secret: str | None) -> None:
        await asyncio.sleep(max(0, delay))
        headers = {"X-Cal-Webhook-Version": PAYLOAD_VERSION, "X-Cal-Signature-256": signature(secret, body)}
        reply = await simulator.send("POST", url, body, headers)
        simulator.journal.delivery(event, url, reply.status)

    async def deliver_in_order(deliveries: Iterable[Delivery]) -> None:
        for waiting in deliveries:
            await waiting()

    hooks = [h.fields for h in account.webhooks.values() if h.fields["active"] and event in h.fields["triggers"]]
    for hook in hooks * int(simulator.settings["webhook_copies"]):
        account.outbox.append(functools.partial(deliver, hook["subscriberUrl"], hook.get("secret")))
    if len(account.outbox) < batch:
        return
    deliveries, account.outbox = account.outbox, []
    if batch > 1:
        simulator.run_in_background(deliver_in_order(deliveries[::-1]))
    elif delay < 0:
        await deliver_in_order(deliveries)
    else:
        for delivery in deliveries:
            simulator.run_in_background(deliver_in_order([delivery]))
