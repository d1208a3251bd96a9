"""Cal.com's API v2, as far as the operator uses it (`docs/vendors/calcom.md`): event types, and the webhook."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from askproai_core.providers import CredentialRefused, Json, ProviderRefused, ProviderUnavailable
from askproai_operator.api.offering import BookingField
from askproai_operator.providers.calcom_fields import find_field_problems
from askproai_operator.providers.provider_api import ProviderApi

# Every endpoint has its own version; a wrong or missing one silently selects an old shape of the body.
EVENT_TYPES_VERSION: Final = {"cal-api-version": "2024-06-14"}
_PAGE: Final = 250
_ABSENT_SECONDS: Final = 60.0  # meanwhile, a path that was not found is requested only after the check of the key
# The members of an event type, and of its lists of objects, that the checks here and in `calcom_fields` read.
_COMPARED: Final = frozenset([
    "afterEventBuffer", "beforeEventBuffer", "bookerActiveBookingsLimit", "bookingFields", "bookingLimitsCount",
    "bookingLimitsDuration", "bookingWindow", "confirmationPolicy", "hosts", "lengthInMinutes", "lengthInMinutesOptions",
    "minimumBookingNotice", "requiresBookerEmailVerification", "rrHostSubsetEnabled", "schedulingType", "seats", "slotInterval",
])  # fmt: skip
_COMPARED_OF: Final = {"bookingFields": {"slug", "type", "hidden", "required", "options"}, "hosts": {"userId", "name"}}
_MAX_COMPARED: Final = 32 * 1024  # bytes: a service has up to 200 event types, and all are kept
_FIREWALL: Final = (
    "without a reason, as a firewall or proxy in front of Cal.com does: let the operator's requests pass there"
)


@dataclass(frozen=True, slots=True)
class CalcomClient:
    """A client of Cal.com's API for the user of one API key."""

    api: ProviderApi

    async def get_event_type(self, event_type_id: int) -> Json | None:
        """Return the compared members of the event type (`cal-api-version: 2024-06-14`); None if the key's account lacks it.

        None stops bookings at the event type, so a 403 or 404 counts only if it is Cal.com's own: a 404 may come from a proxy
        or a server without the endpoint; a 403 without Cal.com's reason comes from a firewall, not from the key. Raises
        ProviderError.
        """
        try:
            return await self._find_event_type(event_type_id)
        except CredentialRefused as error:
            if error.status == HTTPStatus.FORBIDDEN and not error.reason:
                raise ProviderRefused("calcom", "get-event-type", error.status, _FIREWALL) from error
            raise

    async def _find_event_type(self, event_type_id: int) -> Json | None:
        path, absent = f"/v2/event-types/{event_type_id}", self.api.state.absent
        asked_at = absent.get(path)
        if asked_at is None or self.api.clock.monotonic() - asked_at >= _ABSENT_SECONDS:
            try:
                body = await self.api.read("get-event-type", "GET", path, headers=EVENT_TYPES_VERSION)
            except ProviderRefused as error:
                if error.status != HTTPStatus.NOT_FOUND or not error.reason or error.reason.startswith("Cannot GET"):
                    raise
            except CredentialRefused as error:
                if error.status != HTTPStatus.FORBIDDEN or not error.reason:  # of another user's event type
                    raise
            else:
                return _keep_compared(body.get("data") or {})
            absent[path] = self.api.clock.monotonic()
        # If the request budget is used up now, the next look begins with this request, which it would else never reach.
        await self.api.read("get-me", "GET", "/v2/me")
        absent.pop(path, None)
        return None

    async def list_webhooks(self) -> list[Json]:
        """Return the user's webhooks, oldest first. Cal.com sends no page count: a short page is the last one."""
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


def _keep_compared(event_type: Json) -> Json:
    """Return the members of an event type that are compared. Raises `ProviderUnavailable` if they are more than any real one's."""
    kept = {name: value for name, value in event_type.items() if name in _COMPARED}
    for name, members in _COMPARED_OF.items():
        rows = kept.get(name)
        objects = [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
        kept[name] = [{key: value for key, value in each.items() if key in members} for each in objects]
    if len(json.dumps(kept)) > _MAX_COMPARED:
        raise ProviderUnavailable(
            "calcom", "get-event-type", "the event type has more fields or hosts than can be compared"
        )
    return kept


async def ensure_calcom_webhook(
    client: CalcomClient, url: str, triggers: Iterable[str], secret: str, *, newer: Iterable[str] = ()
) -> frozenset[str]:
    """Create or update the user's webhook for `url`, its identity: it ends in `/webhooks/calcom/<installation id>`.

    Writes nothing if the webhook is as desired. An unknown outcome of the create is harmless: the next run lists the webhook.
    `newer` are triggers in the order in which Cal.com added them. An older server refuses the last ones: the webhook is then
    written without them, and they are returned.
    """
    required, optional = frozenset(triggers), list(newer)
    hooks = await _list_for_url(client, url)
    for duplicate in hooks[1:]:
        await client.delete_webhook(str(duplicate["id"]))
    for known in range(len(optional), -1, -1):
        try:
            await _write_webhook(client, url, hooks[:1], required | {*optional[:known]}, secret)
        except ProviderRefused as error:
            if error.status != HTTPStatus.BAD_REQUEST or not known:
                raise
        else:
            return frozenset(optional[known:])
    raise AssertionError("the last attempt returns or raises")


async def _write_webhook(
    client: CalcomClient, url: str, hooks: Sequence[Json], triggers: Iterable[str], secret: str
) -> None:
    """Create the webhook if `hooks` is empty, else change the fields of its first webhook that differ."""
    desired: Json = {"active": True, "triggers": sorted(triggers), "secret": secret}
    if not hooks:
        try:
            await client.create_webhook({"subscriberUrl": url, **desired})
        except ProviderRefused as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            hooks = await _list_for_url(client, url)  # somebody was faster, or our list was old: adopt it
            if not hooks:
                raise
        else:
            return
    hook = hooks[0]
    desired["payloadTemplate"] = None  # a template would change the body to one that we cannot parse
    changed = {name: value for name, value in desired.items() if not _matches(value, hook.get(name))}
    if changed:
        await client.update_webhook(str(hook["id"]), changed)


async def remove_calcom_webhook(client: CalcomClient, url: str) -> None:
    """Delete every webhook of exactly this URL."""
    for hook in await _list_for_url(client, url):
        await client.delete_webhook(str(hook["id"]))


async def list_calcom_webhook_ids(client: CalcomClient, urls: Collection[str]) -> set[str]:
    """Return the ids of the user's webhooks for these URLs. Ids are unique on one server, across its users."""
    return {str(hook["id"]) for hook in await client.list_webhooks() if hook.get("subscriberUrl") in urls}


async def _list_for_url(client: CalcomClient, url: str) -> list[Json]:
    return [hook for hook in await client.list_webhooks() if hook.get("subscriberUrl") == url]


def _matches(desired: Any, live: Any) -> bool:
    if isinstance(desired, list):  # an old server accepts the same trigger twice (calcom 13079)
        return set(desired) == set(live or ())
    return not live if desired is None else bool(desired == live)


@dataclass(frozen=True, slots=True)
class EventTypeNeeds:
    """The properties that an offering requires of an event type at Cal.com."""

    duration_minutes: int
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    minimum_notice_minutes: int = 0
    booking_horizon_days: int = 0
    booking_fields: tuple[BookingField, ...] = ()
    slot_step_minutes: int = 15
    user_id: int | None = None  # the host of a team's round robin


def find_event_type_problems(event_type: Json, needs: EventTypeNeeds) -> Iterator[str]:
    """Yield each property of an event type (`cal-api-version: 2024-06-14`) that would make bookings fail.

    A smaller buffer than the offering's is no problem, since we keep our own. A larger one makes Cal.com refuse offers.
    """
    yield from _length_problems(event_type, needs.duration_minutes)
    buffers = {"beforeEventBuffer": needs.buffer_before_minutes, "afterEventBuffer": needs.buffer_after_minutes}
    for name, own_buffer in buffers.items():
        if (buffer := event_type.get(name) or 0) > own_buffer:
            yield f"{name} is {buffer} minutes, the offering's only {own_buffer}: raise the offering's or lower it there"
    for entry in event_type.get("bookingFields") or []:
        slug = entry.get("slug") or entry.get("type")
        if slug == entry.get("type") == "email" and entry.get("hidden"):
            yield "its e-mail field is hidden, so Cal.com replaces the address by which we find a booking: show it"
    yield from find_field_problems(event_type, needs.booking_fields)
    yield from _host_problems(event_type, needs.user_id)
    yield from _policy_problems(event_type)


def find_event_type_notes(event_type: Json, needs: EventTypeNeeds) -> Iterator[str]:
    """Yield a text about each property of an event type for which Cal.com may refuse an offered time; callers then get others."""
    notice = event_type.get("minimumBookingNotice") or 0
    if notice > needs.minimum_notice_minutes:
        yield f"minimumBookingNotice is {notice} minutes, the offering's minimumNoticeMinutes {needs.minimum_notice_minutes}"
    window = event_type.get("bookingWindow") or {}
    days = window.get("value")
    if _is_enabled(window) and (not isinstance(days, int) or days < needs.booking_horizon_days):
        reach = f"{days} days" if isinstance(days, int) else "a range of dates"
        yield f"bookingWindow is {reach}, the offering's bookingHorizonDays {needs.booking_horizon_days}"
    for name in ("bookingLimitsCount", "bookingLimitsDuration", "bookerActiveBookingsLimit"):
        if _is_enabled(event_type.get(name)):
            yield f"{name} is set"
    if needs.user_id is not None and event_type.get("rrHostSubsetEnabled") is False:
        yield "rrHostSubsetEnabled is off, so its times are the team's, and Cal.com chooses the host: switch it on by Cal.com's API"


def find_coarse_interval(event_type: Json, needs: EventTypeNeeds) -> int | None:
    """Return an event type's minutes between two starts, if some starts of our grid are not among Cal.com's starts; else None.

    Such a start is never offered, though it is not taken. An event type without an interval has the service's length as
    interval.
    """
    minutes = event_type.get("slotInterval") or needs.duration_minutes
    return minutes if isinstance(minutes, int) and needs.slot_step_minutes % minutes else None


def _host_problems(event_type: Json, user_id: int | None) -> Iterator[str]:
    scheduling = event_type.get("schedulingType")
    hosts = {host.get("userId"): host.get("name") for host in event_type.get("hosts") or ()}
    shown = ", ".join(f"{number} {name}" for number, name in hosts.items())
    if scheduling in {"collective", "managed"}:
        yield f"it belongs to a team ({scheduling}), and is not booked with one person: name an event type of this person alone"
    elif scheduling and user_id is None:
        yield f"it belongs to a team, so Cal.com chooses who does it: name this person's userId, or an own event type ({shown})"
    elif scheduling and user_id not in hosts:
        yield f"user {user_id} is none of its hosts: correct the userId ({shown})"
    elif user_id is not None and not scheduling:
        yield "it belongs to no team: remove userId"


def _policy_problems(event_type: Json) -> Iterator[str]:
    if event_type.get("requiresBookerEmailVerification"):
        yield "it wants the e-mail verified, which a caller can not do: switch that off"
    if needs_confirmation(event_type) and not event_type["confirmationPolicy"].get("blockUnconfirmedBookingsInBooker"):
        yield (
            "bookings wait for a confirmation, and Cal.com gives their time to others meanwhile: let unconfirmed bookings block"
            " the time there (blockUnconfirmedBookingsInBooker), or switch the confirmation off"
        )
    seats = event_type.get("seats") or {}
    if _is_enabled(seats) and (seats.get("seatsPerTimeSlot") or 1) != 1:
        number = seats["seatsPerTimeSlot"]
        yield (
            f"it has {number} seats for each time, and no seats are booked from here: switch seats off there, or set capacity to"
            f" {number} and remove calcom, so that its appointments stay in the local calendar"
        )


def _length_problems(event_type: Json, duration_minutes: int) -> Iterator[str]:
    length, options = event_type.get("lengthInMinutes"), event_type.get("lengthInMinutesOptions") or []
    if options and duration_minutes not in options:
        offered = ", ".join(map(str, options))
        yield f"it offers {offered} minutes, and the offering lasts {duration_minutes}: add that length there"
    elif not options and length != duration_minutes:
        yield f"it lasts {length} minutes, the offering {duration_minutes}: make them equal"


def needs_confirmation(event_type: Json) -> bool:
    """Return True if a person at Cal.com has to confirm bookings of this event type, all or some of them."""
    return _is_enabled(event_type.get("confirmationPolicy"))


def is_booked_by_host(event_type: Json) -> bool:
    """Return True for a round robin whose free times and bookings Cal.com handles by host; others ignore a requested host."""
    return event_type.get("schedulingType") == "roundRobin" and event_type.get("rrHostSubsetEnabled") is True


def default_minutes(event_type: Json) -> int | None:
    """Return the length in minutes that Cal.com books by default, for an event type with several lengths; else None."""
    length = event_type.get("lengthInMinutes")
    return length if event_type.get("lengthInMinutesOptions") and isinstance(length, int) else None


def _is_enabled(policy: Any) -> bool:
    """Return True if a policy of an event type is on: it is off when absent or with `disabled: true`."""
    return isinstance(policy, dict) and bool(policy) and not policy.get("disabled")
