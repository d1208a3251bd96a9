"""The Cal.com simulator, made of all its handlers; those for users, event types and webhooks are in this file."""

import re
import uuid
from typing import Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from askproai_core.clock import Clock
from askproai_sandbox.calcom import requests
from askproai_sandbox.calcom.absences import Absences
from askproai_sandbox.calcom.account import Account, Webhook
from askproai_sandbox.calcom.booking_list import BookingList
from askproai_sandbox.calcom.bookings import Bookings
from askproai_sandbox.calcom.bookings_v1 import BookingsV1
from askproai_sandbox.calcom.event_types import EventType, Scheduling
from askproai_sandbox.calcom.server import Server, ok
from askproai_sandbox.calcom.slot_requests import Slots
from askproai_sandbox.simulator import Refusal, json_body, without_secrets

_PRIVATE_ADDRESS = re.compile(r"(127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.")


class CalcomSimulator(Server):
    """Cal.com's API v2, as a self-hosted server has it, and the part of v1 that we use with old servers."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        BookingsV1(self, Bookings(self))
        for handlers in (BookingList, Slots, Absences):
            handlers(self)
        self.serve("GET", "/v2/me", "me", self._me)
        self.serve("GET", "/v2/event-types/{id}", "get-event-type", self._get_event_type, version="2024-06-14")
        for method, path, operation, handler in (  # they need no version header
            ("POST", "", "create-webhook", self._create_webhook),
            ("GET", "", "list-webhooks", self._list_webhooks),
            ("PATCH", "/{id}", "update-webhook", self._update_webhook),
            ("DELETE", "/{id}", "delete-webhook", self._delete_webhook),
        ):
            self.serve(method, f"/v2/webhooks{path}", operation, handler)
        self.controls["event-types"] = self._create_event_type

    def dump(self) -> dict[str, Any]:
        return {"accounts": {key: {
            "event_types": [a.event_type_body(event_type) for event_type in a.event_types.values()],
            "bookings": [b.body() for b in a.bookings.values()],
            "absences": [absence.body() for host in a.hosts.values() for absence in host.absences.values()],
            "webhooks": [without_secrets(a.webhook_body(webhook)) for webhook in a.webhooks.values()],
        } for key, a in self.accounts.items()}}  # fmt: skip

    async def _create_event_type(self, body: dict[str, Any]) -> web.Response:
        """Create an event type with a chosen id: `{key, id, title?, slug?, lengthInMinutes?, host?, …}`.

        `host` is the person whom its bookings make busy, as with the children of a managed team type. The default is the user
        of the key. With a `schedulingType` it is a team's event type, whose hosts have the names `hosts`.
        """
        account, number = self.account_of(body.pop("key")), int(body.pop("id"))
        hosts, scheduling = tuple(body.pop("hosts", ())), body.pop("schedulingType", None)
        if (scheduling is None) == bool(hosts):
            raise ValueError("schedulingType and hosts need each other")
        host, kind = body.pop("host", account.username), scheduling and Scheduling(scheduling)
        account.event_types[number] = EventType.create(number, host, body, kind, hosts)
        return web.json_response(account.event_type_body(account.event_types[number]), status=201)

    async def _me(self, _request: web.Request, account: Account) -> web.Response:
        return ok(account.me())

    async def _get_event_type(self, request: web.Request, account: Account) -> web.Response:
        number = request.match_info["id"]
        if not number.isdigit() or int(number) not in account.event_types:
            raise Refusal(404, f"Event type with id {number} not found.")
        return ok(account.event_type_body(account.event_types[int(number)]))

    def _find_webhook(self, request: web.Request, account: Account) -> Webhook:
        uid = request.match_info["id"]
        if uid in account.webhooks:
            return account.webhooks[uid]
        if any(uid in other.webhooks for other in self.accounts.values()):
            raise Refusal(403, "User is not the owner of this webhook")
        raise Refusal(404, f"Webhook ({uid}) not found")

    async def _create_webhook(self, request: web.Request, account: Account) -> web.Response:
        body = await json_body(request)
        for name in ("subscriberUrl", "triggers", "active"):
            if name not in body:
                raise requests.invalid(name, f"{name} should not be null or undefined")
        self._check_url(body)
        webhook = Webhook(str(uuid.uuid4()), self.clock.now(), _webhook_fields(body, account))
        account.webhooks[webhook.uid] = webhook
        return ok(account.webhook_body(webhook), 201)

    def _check_url(self, body: dict[str, Any]) -> None:
        """Raise Refusal if the hosted service would refuse a webhook's URL: it must be https and no private address."""
        url = urlsplit(str(body.get("subscriberUrl", "https://cal.com")))
        private = url.hostname is None or url.hostname == "localhost" or _PRIVATE_ADDRESS.match(url.hostname)
        if self.settings["hosted"] and (url.scheme != "https" or private):
            reason = "private address" if url.scheme == "https" else "only https"
            raise Refusal(400, f"Webhook URL is not allowed: {reason}")

    async def _list_webhooks(self, request: web.Request, account: Account) -> web.Response:
        page = requests.parse(requests.Page, request.query)
        webhooks = self.listed(request, account.webhooks.values())[page.skip : page.skip + page.take]
        return ok([account.webhook_body(webhook) for webhook in webhooks])  # without a pagination object

    async def _update_webhook(self, request: web.Request, account: Account) -> web.Response:
        webhook = self._find_webhook(request, account)
        body = await json_body(request)
        self._check_url(body)
        webhook.fields |= _webhook_fields(body, account, webhook)
        return ok(account.webhook_body(webhook))

    async def _delete_webhook(self, request: web.Request, account: Account) -> web.Response:
        webhook = self._find_webhook(request, account)
        del account.webhooks[webhook.uid]
        return ok(account.webhook_body(webhook))


def _webhook_fields(body: dict[str, Any], account: Account, updated: Webhook | None = None) -> dict[str, Any]:
    """Return the webhook fields that a POST or PATCH sets. Raises Refusal with status 409 if another webhook has the URL."""
    fields: dict[str, Any] = msgspec.to_builtins(requests.parse(requests.WebhookBody, body))
    url = fields.get("subscriberUrl")
    if any(other.fields["subscriberUrl"] == url for other in account.webhooks.values() if other is not updated):
        raise Refusal(409, "Webhook with this subscriber url already exists for this user")
    return fields
