"""How Cal.com registers and delivers webhooks: signed, at most once (reference §5)."""

import asyncio
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import aiohttp

from askproai_sandbox.calcom.account import HOME, Account, Booking, Webhook, iso
from askproai_sandbox.simulator import FaultKind, Refusal, Simulator

TRIGGERS = {
    "BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED", "BOOKING_REQUESTED", "BOOKING_REJECTED",
    "BOOKING_PAID", "BOOKING_PAYMENT_INITIATED", "BOOKING_NO_SHOW_UPDATED", "MEETING_STARTED", "MEETING_ENDED",
    "RECORDING_READY", "RECORDING_TRANSCRIPTION_GENERATED", "OOO_CREATED", "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW", "WRONG_ASSIGNMENT_REPORT",
}  # fmt: skip
VERSION = "2021-10-20"
FIELDS = {"subscriberUrl", "triggers", "active", "secret", "payloadTemplate", "version"}


def signature(secret: str | None, body: bytes) -> str:
    """Give `X-Cal-Signature-256`; without a secret it is a literal, which a receiver must refuse."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() if secret else "no-secret-provided"


def check(changes: dict[str, Any]) -> None:
    """Check what a POST or PATCH says; raises Refusal."""
    triggers = changes.get("triggers", [])
    if not isinstance(triggers, list) or not TRIGGERS.issuperset(triggers):
        raise Refusal(400, "triggers property is wrong,each value in triggers must be one of the known triggers")
    url = changes.get("subscriberUrl", "https://")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise Refusal(400, "Webhook URL is not allowed: only http and https")
    if "169.254.169.254" in url:  # self-hosted: http and private addresses pass, cloud metadata does not
        raise Refusal(400, "Webhook URL is not allowed: cloud metadata address")
    if not isinstance(changes.get("active", True), bool):
        raise Refusal(400, "active property is wrong,active must be a boolean value")


def _seconds(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def payload(b: Booking, extra: dict[str, Any]) -> dict[str, Any]:
    """Give a booking as a webhook tells it: times without milliseconds, status in capitals, unlike the API."""
    kind, who = b.event_type, b.attendee
    language = {"locale": who.get("language") or "en"}
    attendee = {"name": who["name"], "firstName": who["name"], "lastName": "", "email": who["email"],
                "timeZone": who["timeZone"], "language": language, "utcOffset": 60,
                "phoneNumber": who.get("phoneNumber")}  # fmt: skip
    return {
        "bookingId": b.id, "uid": b.uid, "title": f"{kind.fields['title']} between {kind.host} and {who['name']}",
        "type": kind.fields["slug"], "eventTitle": kind.fields["title"], "eventDescription": "",
        "eventTypeId": kind.id, "startTime": _seconds(b.start), "endTime": _seconds(b.end),
        "length": int((b.end - b.start).total_seconds() // 60), "status": b.status.upper(),
        "organizer": {"id": 1, "name": kind.host, "email": f"{kind.host}@example.com", "username": kind.host,
                      "timeZone": str(HOME), "language": {"locale": "de"}, "timeFormat": "HH:mm", "utcOffset": 60},
        "attendees": [{k: v for k, v in attendee.items() if v is not None}], "location": b.location,
        "responses": {k: {"label": k, "value": v, "isHidden": False} for k, v in
                      {"name": who["name"], "email": who["email"], **b.responses}.items()},
        "userFieldsResponses": {}, "customInputs": {}, "additionalNotes": b.responses.get("notes", ""),
        "description": "", "metadata": {**b.metadata, "videoCallUrl": f"https://video.example.com/{b.uid}"},
        "requiresConfirmation": kind.on("confirmationPolicy"), "price": 0, "currency": "usd",
        "iCalUID": f"{b.uid}@Cal.com", "bookerUrl": "https://cal.example.com", **extra,
    }  # fmt: skip


def subscribers(account: Account, event: str) -> list[Webhook]:
    return [h for h in account.webhooks.values() if h.fields["active"] and event in h.fields["triggers"]]


def told(event: str, b: Booking, extra: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {"triggerEvent": event, "createdAt": iso(now), "payload": payload(b, extra)}


async def deliver(
    simulator: Simulator, hooks: list[Webhook], event: str, told: dict[str, Any], delay_seconds: float = 0
) -> None:
    """Tell every webhook once; an answer that is not 2xx is only noted, never retried."""
    await asyncio.sleep(delay_seconds)
    await asyncio.gather(*(_tell(simulator, hook, event, told) for hook in hooks))


async def _tell(simulator: Simulator, hook: Webhook, event: str, told: dict[str, Any]) -> None:
    times = 1
    if simulator.faults.take(event, FaultKind.DROP_WEBHOOK):
        times = 0
    elif simulator.faults.take(event, FaultKind.DUPLICATE_WEBHOOK):
        times = 2
    url = hook.fields["subscriberUrl"]
    body = (hook.fields.get("payloadTemplate") or json.dumps(told, ensure_ascii=False, separators=(",", ":"))).encode()
    headers = {"Content-Type": "application/json", "X-Cal-Webhook-Version": VERSION,
               "X-Cal-Signature-256": signature(hook.fields.get("secret"), body)}  # fmt: skip
    for _ in range(times):
        status, note = None, ""
        try:
            async with simulator.session.post(
                url, data=body, headers=headers, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=10)
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            note = type(error).__name__
        simulator.journal.delivery(simulator.clock.now().isoformat(), event, url, status, note)
    if not times:
        simulator.journal.delivery(simulator.clock.now().isoformat(), event, url, None, "dropped by a fault")
