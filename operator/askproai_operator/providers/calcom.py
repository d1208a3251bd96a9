"""Cal.com's API v2, as far as the operator uses it (`reference/calcom-stripe.md` §1, §2, §5)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from askproai_operator.providers.http import Api, Json, ProviderRefused

# Every endpoint has its own version; a wrong or missing one silently falls back to an old body shape.
EVENT_TYPES_VERSION: Final = {"cal-api-version": "2024-06-14"}
_PAGE: Final = 250
# What Cal.com fills itself, or our runtime always sends.
_FILLED_FIELDS: Final = {
    "name", "email", "title", "location", "notes", "guests", "rescheduleReason", "attendeePhoneNumber", "smsReminderNumber",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CalcomClient:
    """One Cal.com user, by an API key."""

    api: Api

    async def event_type(self, event_type_id: int) -> Json | None:
        path = f"/v2/event-types/{event_type_id}"
        found = await self.api.read_one("get-event-type", path, headers=EVENT_TYPES_VERSION)
        return found and (found.get("data") or {})

    async def webhooks(self) -> list[Json]:
        """List the user's webhooks. There is no page count: a short page is the last."""
        hooks: list[Json] = []
        while True:
            params = {"take": _PAGE, "skip": len(hooks)}
            page = (await self.api.read("list-webhooks", "GET", "/v2/webhooks", params=params)).get("data") or []
            hooks += page
            if len(page) < _PAGE:
                return hooks

    async def create_webhook(self, body: Json) -> None:
        await self.api.write("create-webhook", "POST", "/v2/webhooks", json=body)

    async def update_webhook(self, webhook_id: str, body: Json) -> None:
        await self.api.write("update-webhook", "PATCH", f"/v2/webhooks/{webhook_id}", json=body)

    async def delete_webhook(self, webhook_id: str) -> None:
        await self.api.delete("delete-webhook", f"/v2/webhooks/{webhook_id}")


async def ensure_calcom_webhook(client: CalcomClient, url: str, triggers: Iterable[str], secret: str) -> None:
    """Make the user's webhook for `url` true. The URL is its identity: it ends in `/webhooks/calcom/<installation id>`.

    Writes nothing when everything is as wanted. An unknown outcome of the create needs no care of its own: the next run lists.
    """
    wanted: Json = {"active": True, "triggers": sorted(set(triggers)), "secret": secret}
    found = await _at(client, url)
    if not found:
        try:
            await client.create_webhook({"subscriberUrl": url, **wanted})
        except ProviderRefused as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            found = await _at(client, url)  # somebody was faster, or our list was old: adopt it
            if not found:
                raise
        else:
            return
    keep, *rest = found  # the list is in order of creation, oldest first
    for extra in rest:
        await client.delete_webhook(str(extra["id"]))
    wanted["payloadTemplate"] = None  # with a template the body is another one than we can read
    changed = {name: value for name, value in wanted.items() if not _same(value, keep.get(name))}
    if changed:
        await client.update_webhook(str(keep["id"]), changed)


async def remove_calcom_webhook(client: CalcomClient, url: str) -> None:
    """Delete every webhook of exactly this URL."""
    for hook in await _at(client, url):
        await client.delete_webhook(str(hook["id"]))


async def _at(client: CalcomClient, url: str) -> list[Json]:
    return [hook for hook in await client.webhooks() if hook.get("subscriberUrl") == url]


def _same(wanted: Any, live: Any) -> bool:
    if isinstance(wanted, list):  # an old server accepts the same trigger twice (calcom 13079)
        return set(wanted) == set(live or ())
    return not live if wanted is None else bool(wanted == live)


@dataclass(frozen=True, slots=True)
class EventTypeNeeds:
    """What an offering needs of an event type; minutes."""

    duration_minutes: int
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    capacity: int = 1


def event_type_problems(event_type: Json, needs: EventTypeNeeds) -> Iterator[str]:
    """Say what of an event type (`cal-api-version: 2024-06-14`) would make bookings fail; nothing when it fits.

    A buffer smaller than ours is no problem: we keep our own. A larger one makes Cal.com refuse what we offered.
    """
    length = event_type.get("lengthInMinutes")
    if length != needs.duration_minutes:
        yield f"it lasts {length} minutes, the offering {needs.duration_minutes}: make them equal"
    buffers = {"beforeEventBuffer": needs.buffer_before_minutes, "afterEventBuffer": needs.buffer_after_minutes}
    for name, ours in buffers.items():
        if (theirs := event_type.get(name) or 0) > ours:
            yield f"{name} is {theirs} minutes, the offering's only {ours}: raise the offering's or lower it there"
    for entry in event_type.get("bookingFields") or []:
        slug = entry.get("slug") or entry.get("type")
        if slug == entry.get("type") == "email" and entry.get("hidden"):
            yield "its e-mail field is hidden, so Cal.com replaces the address by which we find a booking: show it"
        elif entry.get("required") and not entry.get("hidden") and slug not in _FILLED_FIELDS:
            yield f"it requires the field {slug!r}, which a phone booking can not fill: make it optional"
    if event_type.get("requiresBookerEmailVerification"):
        yield "it wants the e-mail verified, which a caller can not do: switch that off"
    if _on(event_type.get("confirmationPolicy")):
        yield "bookings wait for a confirmation, but the caller is told that it is booked: switch that off"
    yield from _seat_problems(event_type.get("seats") or {}, needs.capacity)


def _seat_problems(seats: Json, capacity: int) -> Iterator[str]:
    if capacity > 1:
        yield f"capacity is {capacity}, and we book no seats at Cal.com, so these appointments stand in our own book only"
    elif _on(seats) and (seats.get("seatsPerTimeSlot") or 1) != 1:
        yield f"it has {seats['seatsPerTimeSlot']} seats for each time, but we book one: switch seats off"


def _on(policy: Any) -> bool:
    """A policy object is off when it is absent or says `disabled: true`."""
    return isinstance(policy, dict) and bool(policy) and not policy.get("disabled")
