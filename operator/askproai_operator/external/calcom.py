"""Cal.com's API v2, as far as the operator uses it (`reference/calcom-stripe.md` §1, §2, §5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from askproai_operator.external.errors import ProviderRefused
from askproai_operator.external.http import Api, Json

# Every endpoint has its own version; a wrong or missing one silently falls back to an old body shape.
EVENT_TYPES_VERSION: Final = {"cal-api-version": "2024-06-14"}
_PAGE: Final = 250
# What Cal.com fills itself, or our runtime always sends.
_FILLED_FIELDS: Final = frozenset(
    {
        "name",
        "email",
        "title",
        "location",
        "notes",
        "guests",
        "rescheduleReason",
        "attendeePhoneNumber",
        "smsReminderNumber",
    }
)


@dataclass(frozen=True, slots=True)
class CalcomClient:
    """One Cal.com user, by an API key."""

    api: Api

    async def me(self) -> Json:
        """Give the key's user; the cheapest proof that the key works."""
        return _data(await self.api.read("me", "GET", "/v2/me"))

    async def event_type(self, event_type_id: int) -> Json | None:
        found = await self.api.read_one(
            "get-event-type", f"/v2/event-types/{event_type_id}", headers=EVENT_TYPES_VERSION
        )
        return _data(found) if found is not None else None

    async def webhooks(self) -> list[Json]:
        """List the user's webhooks. There is no page count: a short page is the last."""
        hooks: list[Json] = []
        while True:
            params = {"take": _PAGE, "skip": len(hooks)}
            answer = await self.api.read("list-webhooks", "GET", "/v2/webhooks", params=params)
            page = answer.get("data") or []
            hooks += page
            if len(page) < _PAGE:
                return hooks

    async def create_webhook(self, body: Json) -> Json:
        return _data(await self.api.write("create-webhook", "POST", "/v2/webhooks", json=body))

    async def update_webhook(self, webhook_id: str, body: Json) -> Json:
        return _data(await self.api.write("update-webhook", "PATCH", f"/v2/webhooks/{webhook_id}", json=body))

    async def delete_webhook(self, webhook_id: str) -> None:
        await self.api.delete("delete-webhook", f"/v2/webhooks/{webhook_id}")


class WebhookChange(StrEnum):
    UNCHANGED = "unchanged"
    CREATED = "created"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Our subscription, as it is now; `removed` are duplicates of the same URL that we deleted."""

    id: str
    change: WebhookChange
    removed: tuple[str, ...] = ()


async def ensure_calcom_webhook(client: CalcomClient, url: str, triggers: Iterable[str], secret: str) -> Webhook:
    """Make the user's webhook for `url` true. The URL is its identity: it ends in `/webhooks/calcom/<installation id>`.

    Writes nothing when everything is as wanted. An unknown outcome of the create needs no care of its own: the next run lists.
    """
    wanted: Json = {"active": True, "triggers": sorted(set(triggers)), "secret": secret, "payloadTemplate": None}
    found = await _at(client, url)
    if not found:
        body = {"subscriberUrl": url, **{name: value for name, value in wanted.items() if value is not None}}
        try:
            created = await client.create_webhook(body)
        except ProviderRefused as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            found = await _at(client, url)  # somebody was faster, or our list was old: adopt it
            if not found:
                raise
        else:
            return Webhook(str(created.get("id", "")), WebhookChange.CREATED)
    keep, *rest = found  # the list is in order of creation, oldest first
    for extra in rest:
        await client.delete_webhook(str(extra["id"]))
    removed = tuple(str(extra["id"]) for extra in rest)
    changed = {name: value for name, value in wanted.items() if not _same(name, value, keep.get(name))}
    if changed:
        await client.update_webhook(str(keep["id"]), changed)
    change = WebhookChange.UPDATED if changed else WebhookChange.UNCHANGED
    return Webhook(str(keep["id"]), change, removed)


async def remove_calcom_webhook(client: CalcomClient, url: str) -> int:
    """Delete every webhook of exactly this URL; gives how many there were."""
    found = await _at(client, url)
    for hook in found:
        await client.delete_webhook(str(hook["id"]))
    return len(found)


async def _at(client: CalcomClient, url: str) -> list[Json]:
    return [hook for hook in await client.webhooks() if hook.get("subscriberUrl") == url]


def _same(name: str, wanted: Any, live: Any) -> bool:
    if name == "triggers":  # an old server accepts the same trigger twice (calcom 13079)
        return set(wanted) == set(live or ())
    if name == "payloadTemplate":  # with a template the body is another one than we can read
        return not live
    return bool(wanted == live)


@dataclass(frozen=True, slots=True)
class EventTypeNeeds:
    """What an offering needs of an event type; minutes."""

    duration_minutes: int
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    capacity: int = 1


def event_type_problems(event_type: Json, needs: EventTypeNeeds) -> list[str]:
    """Say what of an event type (`cal-api-version: 2024-06-14`) would make bookings fail; empty when it fits.

    A buffer smaller than ours is no problem: we keep our own. A larger one makes Cal.com refuse what we offered.
    """
    return [
        *_length_problems(event_type, needs),
        *_field_problems(event_type),
        *_policy_problems(event_type, needs),
    ]


def _length_problems(event_type: Json, needs: EventTypeNeeds) -> list[str]:
    problems = []
    length = event_type.get("lengthInMinutes")
    if length != needs.duration_minutes:
        problems.append(f"it lasts {length} minutes, the offering {needs.duration_minutes}: make them equal")
    for name, ours in (
        ("beforeEventBuffer", needs.buffer_before_minutes),
        ("afterEventBuffer", needs.buffer_after_minutes),
    ):
        theirs = event_type.get(name) or 0
        if theirs > ours:
            problems.append(
                f"{name} is {theirs} minutes, the offering's only {ours}: raise the offering's or lower it there"
            )
    return problems


def _field_problems(event_type: Json) -> list[str]:
    problems = []
    for entry in event_type.get("bookingFields") or []:
        slug = entry.get("slug") or entry.get("type")
        if entry.get("type") == "email" and slug == "email" and entry.get("hidden"):
            problems.append(
                "its e-mail field is hidden, so Cal.com replaces the address by which we find a booking: show it"
            )
        elif entry.get("required") and not entry.get("hidden") and slug not in _FILLED_FIELDS:
            problems.append(f"it requires the field {slug!r}, which a phone booking can not fill: make it optional")
    if event_type.get("requiresBookerEmailVerification"):
        problems.append("it wants the e-mail verified, which a caller can not do: switch that off")
    return problems


def _policy_problems(event_type: Json, needs: EventTypeNeeds) -> list[str]:
    problems = []
    if _on(event_type.get("confirmationPolicy")):
        problems.append("bookings wait for a confirmation, but the caller is told that it is booked: switch that off")
    seats = event_type.get("seats")
    per_slot = (seats.get("seatsPerTimeSlot") or 1) if isinstance(seats, dict) and _on(seats) else 1
    if per_slot != needs.capacity:
        problems.append(
            f"it has {per_slot} seats for each time, the offering's capacity is {needs.capacity}: make them equal"
        )
    return problems


def _on(policy: Any) -> bool:
    """A policy object is off when it is absent or says `disabled: true`."""
    return isinstance(policy, dict) and bool(policy) and not policy.get("disabled")


def _data(answer: Any) -> Json:
    data = answer.get("data") if isinstance(answer, dict) else None
    return data if isinstance(data, dict) else {}
